from itertools import permutations

import numpy as np
import pytest

from data.packing import Windows
from data.views.sentence_order import SentenceOrderView, SentenceOrderViewConfig, sentence_ends
from data.vocabulary import SPECIALS

BOS, EOS, SEP, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.sep, SPECIALS.pad
STOP = SPECIALS.count + 4
CHINESE_STOP = SPECIALS.count + 5


def sentence(number: int, length: int = 3, stop: int = STOP) -> list[int]:
    """A sentence that starts with a word of its own."""
    return [60 + number, *([50] * (length - 2)), stop]


@pytest.mark.parametrize(
    ("pieces", "sentences"),
    [
        (["▁the", ".", "▁cat", ".", "eos"], [2, 2]),
        (["▁the", ".", "3", ".", "▁cat"], [4]),  # 3.14 is no end of a sentence
        (["天", "。", "气", "。", "天"], [2, 2]),
        (["天", "。", "”", "气", "!"], [3, 2]),  # the quote belongs to the sentence it closes
        (["▁the", ".", "”", "<0x0A>", "<0x0A>", "▁cat", "eos"], [5]),
        (["▁the", "<0x0A>", "▁cat", "!", "eos"], [2, 2]),  # a line is a sentence
        (["天", "。", "s", "."], [2, 2]),
        (["▁the", "▁cat", "s", "eos"], []),
    ],
)
def test_sentences_are_found_on_ids_alone(vocabulary, ids, pieces, sentences):
    ends = sentence_ends(np.array([ids("bos", *pieces)]), vocabulary)[0]

    assert np.diff(np.flatnonzero(ends), prepend=0).tolist() == sentences


def test_two_segments_are_presented_as_their_class_says(context, lay_out, seeds):
    document = sentence(0) + sentence(1, 4) + sentence(2, 5)  # the first is dropped, each other one is a segment
    rows = lay_out([document] * 40, 16)
    batch, counts, text_tokens = SentenceOrderView(SentenceOrderViewConfig(), context(16))(rows, seeds(40))
    a, b = sentence(1, 4), sentence(2, 5)
    expected = {
        0: ([BOS, *a, SEP, *b], [0] * 6 + [1] * 5),
        1: ([BOS, *b, SEP, *a], [0] * 7 + [1] * 4),
    }

    assert set(batch.labels_S.tolist()) == {0, 1}
    for row, label in enumerate(batch.labels_S.tolist()):
        shown, segments = expected[label]
        assert batch.input_ids_BT[row].tolist() == shown + [PAD] * 5
        assert batch.segment_ids_BT[row].tolist() == segments + [0] * 5
        assert batch.position_ids_BT[row].tolist() == [*range(11), 0, 0, 0, 0, 0]
        assert batch.attention.sample_ids_BT[row].tolist() == [0] * 11 + [-1] * 5
    assert batch.pool_S.tolist() == [16 * row for row in range(40)]
    assert counts == {"sentence_order": 40}
    assert text_tokens == 40 * 9
    assert batch.attention.mode == "full"


@pytest.mark.parametrize("m", [2, 3, 4])
def test_sorting_by_the_class_gives_the_original_order_back(context, lay_out, seeds, m):
    documents = [
        [token for index in range(9) for token in sentence(index, 3 + (number + index) % 4)] for number in range(600)
    ]
    rows = lay_out(documents, 128)
    view = SentenceOrderView(SentenceOrderViewConfig(segments=m), context(128))
    batch = view(rows, seeds(len(rows.input_ids_BT))).batch
    orders, samples, classes = list(permutations(range(m))), batch.attention.sample_ids_BT, batch.labels_S.tolist()
    sizes = []
    for pool, label in zip(batch.pool_S.tolist(), classes, strict=True):
        row, column = divmod(pool, 128)
        inside = samples[row] == samples[row, column]
        shown = batch.input_ids_BT[row][inside].tolist()[1:]
        segments = batch.segment_ids_BT[row][inside].tolist()[1:]
        parts = [[t for t, s in zip(shown, segments, strict=True) if s == index and t != SEP] for index in range(m)]
        original = [token for _, part in sorted(zip(orders[label], parts, strict=True)) for token in part]
        openers = [token - 60 for token in original if 60 <= token < 70]

        assert shown.count(SEP) == m - 1
        assert all(part[-1] == STOP and part[0] >= 60 for part in parts)  # whole sentences
        assert openers == list(range(openers[0], 9))
        assert openers[0] in (1, 2)
        sizes.append([len(part) for part in parts])

    assert len(classes) == 600
    expected = 600 / len(orders)
    assert np.abs(np.bincount(classes, minlength=len(orders)) - expected).max() < 4 * np.sqrt(expected)
    # Lengths say nothing about the class: presented segments are equally long on average wherever they came from.
    assert np.ptp(np.mean(sizes, axis=0)) < 4 * np.std(sizes) * np.sqrt(2 / 600)


def test_a_full_window_makes_room_for_its_separators(context, seeds):
    # One token before the first end: too few for three separators, so the first two sentences go.
    row = [BOS, STOP, *sentence(1, 2), *sentence(2), *sentence(3), *sentence(4), *sentence(5)]
    rows = Windows(np.array([row] * 30), np.tile(np.arange(len(row)), (30, 1)), None)
    batch = SentenceOrderView(SentenceOrderViewConfig(segments=4), context(len(row)))(rows, seeds(30)).batch

    for shown in batch.input_ids_BT.tolist():
        assert sorted(token for token in shown if 60 <= token < 70) == [62, 63, 64, 65]
        assert shown.count(SEP) == 3


def test_samples_with_too_few_sentences_are_left_out(context, lay_out, seeds):
    good, poor = sentence(1) + sentence(2) + sentence(3), sentence(1, 4) + sentence(2, 6)
    rows = lay_out([poor, good], 24)
    batch, counts, text_tokens = SentenceOrderView(SentenceOrderViewConfig(), context(24))(rows, seeds(1))

    assert counts == {"sentence_order": 1}
    assert text_tokens == 6
    assert batch.pool_S.tolist() == [12]
    assert batch.attention.sample_ids_BT[0].tolist() == [-1] * 12 + [1] * 8 + [-1] * 4
    assert batch.input_ids_BT[0, :12].tolist() == [PAD] * 12

    empty = SentenceOrderView(SentenceOrderViewConfig(), context(24))(lay_out([poor], 24), seeds(1))
    assert empty.counts == {"sentence_order": 0}
    assert len(empty.batch.labels_S) == 0


def test_chinese_sentences_are_presented_too(context, lay_out, seeds, ids):
    first = ids("天", "气", "。")
    rows = lay_out([first + ids("气", "。", "”") + ids("天", "天", "气", "!")] * 20, 16)
    batch, counts, _ = SentenceOrderView(SentenceOrderViewConfig(), context(16))(rows, seeds(20))
    a, b = ids("气", "。", "”"), ids("天", "天", "气", "!")

    assert counts == {"sentence_order": 20}
    assert {tuple(row[1:9]) for row in batch.input_ids_BT.tolist()} == {(*a, SEP, *b), (*b, SEP, *a)}
