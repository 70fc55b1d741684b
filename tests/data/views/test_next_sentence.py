from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from data.batch import TokenBatch
from data.packing import Packing, Windows, pack
from data.views.base import ViewContext
from data.views.next_sentence import NextSentenceView, NextSentenceViewConfig, of_other_documents
from data.views.noise import key, row_seeds
from data.vocabulary import SPECIALS, Vocabulary, special_piece

BOS, EOS, SEP, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.sep, SPECIALS.pad
PIECES = {
    "english": [".", *(f"▁w{index}" for index in range(300))],
    "chinese": ["。", *map(chr, range(0x4E00, 0x4F2C))],
}
STOP = SPECIALS.count


def view(language: str = "english", length: int = 64) -> NextSentenceView:
    vocabulary = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *PIECES[language]])
    return NextSentenceView(NextSentenceViewConfig(), ViewContext(vocabulary, length, "shifted"))


def seeds(rows: int, epoch: int = 0) -> np.ndarray:
    return row_seeds(key(7, epoch), np.arange(rows))


def packed(documents: Sequence[Sequence[int]], length: int) -> tuple[Packing, np.ndarray]:
    tokens = np.array([token for document in documents for token in document], dtype=np.uint16)
    return pack(np.cumsum([0, *map(len, documents)]), length), tokens


def micro_batches(documents: Sequence[Sequence[int]], length: int, rows: int) -> list[Windows]:
    """All rows in an order without pattern, `rows` at a time."""
    packing, tokens = packed(documents, length)
    order = np.random.default_rng(0).permutation(packing.rows)
    return [packing.read(tokens, part, single=False) for part in np.array_split(order, max(1, packing.rows // rows))]


def random_text(documents: int, topics: int, words: int = 300) -> list[list[int]]:
    """Sentences of 2 to 9 words; each topic has words of its own."""
    random = np.random.default_rng(1)
    text = []
    for number in range(documents):
        own = np.arange(words) if topics == 1 else np.arange(number % topics, words, topics)
        sentences = [[*random.choice(own, random.integers(2, 10)), -1] for _ in range(random.integers(3, 40))]
        text.append([int(STOP + 1 + word) for sentence in sentences for word in sentence])
    return text


def pairs(batch: TokenBatch) -> list[tuple[list[int], list[int], int]]:
    """The texts of A and B and the class of every pair."""
    ids, segments, samples = (
        tensor.numpy() for tensor in (batch.input_ids_BT, batch.segment_ids_BT, batch.attention.sample_ids_BT)
    )
    found = []
    for place, label in zip(batch.pool_S.tolist(), batch.labels_S.tolist(), strict=True):
        row, column = divmod(place, ids.shape[1])
        inside = samples[row] == samples[row, column]
        parts = [ids[row][inside & (segments[row] == segment)].tolist() for segment in (0, 1)]
        assert parts[0][0] == BOS
        assert parts[0][-1] == parts[1][-1] == SEP
        found.append((parts[0][1:-1], parts[1][:-1], label))
    return found


def test_a_pair_is_two_closed_segments_that_go_on_or_change_the_document():
    first, second = [40, 41, STOP, 42, 43, 44, 45, STOP], [50, STOP, 51, 52, 53, 54, 55, STOP]
    packing, tokens = packed([first, second], 10)
    seen = set()
    for epoch in range(30):
        batch, counts, text_tokens = view(length=10)(packing.read(tokens, np.arange(2), single=True), seeds(2, epoch))
        assert counts == {"next_sentence": 2}
        assert text_tokens == sum(len(a) + len(b) for a, b, _ in pairs(batch))
        assert batch.attention.mode == "full"
        for (a, b, label), own, other in zip(pairs(batch), (first, second), (second, first), strict=True):
            cut = own.index(STOP) + 1
            goes_on = (other if label else own)[(other if label else own).index(STOP) + 1 :]
            assert a == own[:cut]
            assert b == goes_on[: len(b)]
            seen.add((len(a), len(b), label))
    # Both have five tokens after their cuts, of which at least half are shown; a first text of three has room for four.
    assert seen == {(3, length, label) for length in (2, 3, 4) for label in (0, 1)} | {
        (2, length, label) for length in (3, 4, 5) for label in (0, 1)
    }


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_other_texts_are_of_other_documents_and_half_of_all(language: str):
    documents = random_text(400, topics=1)
    owner = {}
    for number, document in enumerate(documents):
        for start in range(len(document) - 2):
            owner.setdefault(tuple(document[start : start + 3]), set()).add(number)
    labels = []
    for epoch, rows in enumerate(micro_batches(documents, 64, 16)):
        for a, b, label in pairs(view(language)(rows, seeds(len(rows.input_ids_BT), epoch)).batch):
            labels.append(label)
            if len(a) >= 3 and len(b) >= 3:
                same = owner[tuple(a[-3:])] & owner[tuple(b[:3])]
                assert bool(same) != bool(label)

    assert len(labels) > 500
    assert abs(np.mean(labels) - 0.5) < 1.96 * np.sqrt(0.25 / len(labels))


def test_windows_of_one_document_never_make_a_pair_of_other_texts():
    one = random_text(1, topics=1)[0] * 20  # many rows of one document
    rows = micro_batches([one], 32, 8)[0]

    assert len(rows.input_ids_BT) >= 8
    viewed = view(length=32)(rows, seeds(len(rows.input_ids_BT)))
    assert viewed.counts == {"next_sentence": 0}
    assert len(viewed.batch.labels_S) == 0
    assert (viewed.batch.input_ids_BT == PAD).all()


def test_samples_of_one_sentence_are_left_out():
    documents = [[40, 41, STOP], [50, 51, STOP, 52, STOP], [60, STOP, 61, STOP], [70, 71]]
    packing, tokens = packed(documents, 24)
    batch, counts, _ = view(length=24)(packing.read(tokens, np.arange(packing.rows), single=False), seeds(1))

    assert counts == {"next_sentence": 2}
    assert sorted(a for a, _, _ in pairs(batch)) == [[50, 51, STOP], [60, STOP]]


def features(a: list[int], b: list[int]) -> list[float]:
    """All that can be told of a pair without its words."""
    return [len(a), len(b), len(a) + len(b), min(len(a), len(b)), b[-1] == STOP, b.count(STOP), a.count(STOP)]


def accuracy(X: np.ndarray, labels: np.ndarray) -> float:
    """Of a linear classifier on the half of the pairs that it has not seen."""
    half = len(X) // 2
    scaled = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    return LogisticRegression(max_iter=1000).fit(scaled[:half], labels[:half]).score(scaled[half:], labels[half:])


def presented(documents: list[list[int]]) -> list[tuple[list[int], list[int], int]]:
    return [
        pair
        for epoch in range(3)
        for number, rows in enumerate(micro_batches(documents, 64, 16))
        for pair in pairs(view()(rows, seeds(len(rows.input_ids_BT), 1000 * epoch + number)).batch)
    ]


def test_neither_lengths_nor_cuts_nor_words_tell_the_classes_apart_but_topics_do():
    mixed, topical = presented(random_text(800, topics=1)), presented(random_text(800, topics=6))

    def shared(pairs_: list[tuple[list[int], list[int], int]]) -> tuple[np.ndarray, np.ndarray]:
        own = [len(set(a) & set(b)) / (len(a) * len(b)) ** 0.5 for a, b, _ in pairs_]
        return np.array(own)[:, None], np.array([label for _, _, label in pairs_])

    for found in (mixed, topical):
        X, labels = np.array([features(a, b) for a, b, _ in found], dtype=float), shared(found)[1]
        assert abs(accuracy(X, labels) - 0.5) < 3 * np.sqrt(0.25 / (len(X) // 2))
    words = np.array([np.bincount(b, minlength=STOP + 301) for _, b, _ in mixed], dtype=float)
    assert abs(accuracy(words, shared(mixed)[1]) - 0.5) < 3 * np.sqrt(0.25 / (len(words) // 2))
    # Where documents have topics, words that A and B share do tell: that is what the objective teaches.
    assert accuracy(*shared(topical)) > 0.6


def test_a_pair_is_equal_after_a_resume_and_differs_in_another_epoch():
    rows = micro_batches(random_text(60, topics=1), 64, 16)[0]
    one, same, other = (view()(rows, seeds(len(rows.input_ids_BT), epoch)).batch for epoch in (0, 0, 1))

    assert one.input_ids_BT.equal(same.input_ids_BT)
    assert one.labels_S.equal(same.labels_S)
    assert not one.input_ids_BT.equal(other.input_ids_BT)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 2**32))
def test_the_other_document_is_another_and_any_other(documents: list[int], seed: int):
    numbers = np.array(documents, dtype=np.int64)
    other = of_other_documents(numbers, np.random.default_rng(seed).random(len(numbers)))

    assert len(other) == (len(numbers) if len(set(documents)) > 1 else 0)
    assert (numbers[other] != numbers[: len(other)]).all()


def test_each_of_the_other_samples_is_drawn_as_often():
    numbers = np.array([3, 1, 3, 2, 1])
    noise = np.tile(np.arange(0.0005, 1, 0.001)[:, None], (1, 5))
    drawn = np.array([of_other_documents(numbers, row) for row in noise])

    for sample, others in enumerate([[1, 3, 4], [0, 2, 3], [1, 3, 4], [0, 1, 2, 4], [0, 2, 3]]):
        found, counts = np.unique(drawn[:, sample], return_counts=True)
        assert found.tolist() == others
        assert np.ptp(counts) <= 1
