"""Units of blank infilling, taken apart again: what part A shows and part B writes has to be the text."""

from typing import NamedTuple

import numpy as np
import pytest
from pydantic import ValidationError

from data.batch import TokenBatch
from data.packing import Windows
from data.views.base import Viewed
from data.views.blank_infilling import BlankInfillingView, BlankInfillingViewConfig, units
from data.views.spans import Spans
from data.vocabulary import SPECIALS, Specials

BOS, EOS, PAD, START, END = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad, SPECIALS.span_start, SPECIALS.span_end
MASKS = {"token": SPECIALS.mask, "sentence": SPECIALS.sentence_mask, "document": SPECIALS.generation_mask}
STOP, CHINESE_STOP = SPECIALS.count + 4, SPECIALS.count + 5


class Unit(NamedTuple):
    part_a: list[int]
    spans: list[list[int]]
    """In the order of part B."""
    masks: list[int]
    """Position of each one's mask in part A."""

    @property
    def text(self) -> list[int]:
        """Part A with the spans put back."""
        filled = dict(zip(self.masks, self.spans, strict=True))
        return [token for place, shown in enumerate(self.part_a) for token in filled.get(place, [shown])]


def taken_apart(batch: TokenBatch) -> list[Unit]:
    """All units, in their order, after a look at every position of theirs."""
    shape, found = batch.input_ids_BT.shape, []
    target_N = np.full(batch.input_ids_BT.numel(), -1)
    target_N[batch.predict_M.numpy()] = batch.targets_M.numpy()
    for row in range(shape[0]):
        samples = batch.attention.sample_ids_BT[row].numpy()
        for sample in np.unique(samples[samples >= 0]):
            inside = np.flatnonzero(samples == sample)
            ids, p1, p2, in_a = (
                values[row][inside].tolist()
                for values in (
                    batch.input_ids_BT, batch.position_ids_BT, batch.span_position_ids_BT, batch.attention.in_prefix_BT
                )
            )  # fmt: skip
            targets, size = target_N[row * shape[1] + inside].tolist(), sum(in_a)
            assert inside.tolist() == list(range(inside[0], inside[-1] + 1))
            assert in_a == [True] * size + [False] * (len(ids) - size)
            assert (p1[:size], p2[:size], targets[:size]) == (list(range(size)), [0] * size, [-1] * size)
            begins = [place for place in range(size, len(ids)) if ids[place] == START]
            spans, masks = [], []
            for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True):
                spans.append(ids[begin + 1 : end])
                masks.append(p1[begin])
                assert targets[begin:end] == [*ids[begin + 1 : end], END]
                assert p1[begin:end] == [p1[begin]] * (end - begin)
                assert p2[begin:end] == list(range(1, end - begin + 1))
            assert begins[0] == size
            found.append(Unit(ids[:size], spans, masks))
    unused = batch.attention.sample_ids_BT < 0
    assert batch.input_ids_BT[unused].eq(PAD).all() and not batch.attention.in_prefix_BT[unused].any()
    return found


def numbered(count: int, length: int) -> list[list[int]]:
    """Texts of words that follow each other, so that a gap shows."""
    return [[48 + (number * 31 + index) % 183 for index in range(length)] for number in range(count)]


def viewed(context, rows: Windows, seeds_B: np.ndarray, **settings: object) -> Viewed:
    view = BlankInfillingView(BlankInfillingViewConfig(**settings), context(rows.input_ids_BT.shape[1]))
    return view(rows, seeds_B)


def test_worked_example_token_by_token():
    # Without a bos: token 1 stands in its place. Four tokens, 61 to 64, make room for two spans.
    rows = Windows(np.array([[1, 61, 62, 63, 64, 2, 3, 4, 5, 6]]), np.arange(10)[None], None)
    spans = Spans(np.array([6, 8]), np.array([1, 2]), bos_F=np.array([0, 0]), kept_F=np.array([5, 5]))
    specials = Specials(mask=90, span_start=91, span_end=92)
    batch = units(rows, spans, np.array([90, 90]), turn_F=np.array([0.7, 0.2]), specials=specials, seed=3)

    assert batch.input_ids_BT.tolist() == [[1, 2, 90, 4, 90, 91, 5, 6, 91, 3]]
    assert batch.position_ids_BT.tolist() == [[0, 1, 2, 3, 4, 4, 4, 4, 2, 2]]
    assert batch.span_position_ids_BT.tolist() == [[0, 0, 0, 0, 0, 1, 2, 3, 1, 2]]
    assert batch.predict_M.tolist() == [5, 6, 7, 8, 9]
    assert batch.targets_M.tolist() == [5, 6, 92, 3, 92]
    assert batch.attention.mode == "prefix"
    assert batch.attention.in_prefix_BT.tolist() == [[True] * 5 + [False] * 5]
    assert batch.attention.sample_ids_BT.tolist() == [[0] * 10]


@pytest.mark.parametrize("level", MASKS)
def test_a_unit_is_the_end_of_its_sample_with_two_positions_more_a_span(context, lay_out, seeds, level):
    documents = numbered(40, 38) + numbered(20, 18)
    rows = lay_out([[STOP if index % 6 == 5 else token for index, token in enumerate(text)] for text in documents], 64)
    batch, counts, text_tokens = viewed(context, rows, seeds(len(rows.input_ids_BT)), levels={level: 1.0})
    found, samples = taken_apart(batch), rows.samples()
    originals = [
        rows.input_ids_BT[row][samples[row] == sample].tolist()
        for row in range(len(samples))
        for sample in range(samples[row].max() + 1)
    ]
    spans = [span for unit in found for span in unit.spans]

    assert len(found) == len(originals) == 60
    for unit, original in zip(found, originals, strict=True):
        used = len(unit.part_a) + sum(len(span) + 1 for span in unit.spans)
        assert unit.text == [BOS, *original[len(original) - len(unit.text) + 1 :]]
        assert used == len(unit.text) + 2 * len(unit.spans)
        assert len(original) - used in ((0, 1, 2) if level == "token" else (0,))
        assert [unit.part_a[place] for place in unit.masks] == [MASKS[level]] * len(unit.spans)
        assert sum(token == MASKS[level] for token in unit.part_a) == len(unit.spans)
        assert unit.part_a[-1] == EOS
    assert min(token for span in spans for token in span) >= SPECIALS.count  # no special is ever hidden
    assert counts == {"blank_infilling": sum(map(len, spans)) + len(spans)}
    assert text_tokens == sum(len(unit.text) - 2 for unit in found)


def test_token_spans_have_the_lengths_and_the_share_of_the_paper(context, lay_out, seeds):
    rows = lay_out(numbered(1200, 562), 564)
    found = taken_apart(viewed(context, rows, seeds(1200)).batch)
    lengths = np.array([len(span) for unit in found for span in unit.spans])
    tokens = np.array([len(unit.text) - 2 for unit in found])  # about 512 are left of 562
    shares = np.array([sum(map(len, unit.spans)) for unit in found]) / tokens

    assert abs(tokens.mean() - 512) < 2
    assert abs(shares.mean() - 0.151) < 3 * shares.std() / np.sqrt(len(shares)) + 0.0005  # given to three digits
    assert abs(lengths.mean() - 3.157) < 3 * lengths.std() / np.sqrt(len(lengths))
    assert lengths.min() == 1 and lengths.max() <= 39
    for length, expected in enumerate((0.157, 0.236, 0.236, 0.177), start=1):
        error = 3 * np.sqrt(expected * (1 - expected) / len(lengths)) + 0.0005
        assert abs((lengths == length).mean() - expected) < error


@pytest.mark.parametrize("rate", [0.1, 0.15, 0.5])
def test_token_spans_stop_at_the_share_and_never_touch(context, lay_out, seeds, rate):
    rows = lay_out([text[: 3 + number] for number, text in enumerate(numbered(120, 130))], 140)
    for unit in taken_apart(viewed(context, rows, seeds(len(rows.input_ids_BT)), rate=rate).batch):
        tokens, hidden = len(unit.text) - 2, sum(map(len, unit.spans))
        enough = max(1, int(rate * tokens + 1e-9))
        assert hidden >= enough
        assert hidden - max(map(len, unit.spans)) < enough
        assert (np.diff(sorted(unit.masks)) > 1).all()


def test_spans_are_written_in_a_random_order_and_the_last_one_drawn_may_stand_anywhere(context, lay_out, seeds):
    found = taken_apart(viewed(context, lay_out(numbered(3000, 44), 46), seeds(3000)).batch)
    pairs = [unit for unit in found if len(unit.spans) == 2]
    first = np.array([unit.masks[0] < unit.masks[1] for unit in pairs])
    longer = np.array([len(unit.spans[0]) - len(unit.spans[1]) for unit in pairs])
    left = np.where(first, longer, -longer)

    assert len(pairs) > 500
    assert abs(first.mean() - 0.5) < 3 * np.sqrt(0.25 / len(pairs))
    for difference in (longer, left):  # neither the turn nor the place says which one is longer
        assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(len(pairs))


def test_spans_start_everywhere_in_a_text(context, lay_out, seeds):
    found = taken_apart(viewed(context, lay_out(numbered(4000, 9), 11), seeds(4000)).batch)
    single = [unit for unit in found if len(unit.spans[0]) == 1]
    places = np.bincount([unit.masks[0] - 1 for unit in single])

    assert {len(unit.text) - 2 for unit in single} == {7}
    assert len(places) == 7
    assert np.abs(places - len(single) / 7).max() < 4 * np.sqrt(len(single) / 7)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whole_sentences_are_hidden(context, lay_out, seeds, ids, language):
    sentences = {
        "en": [["▁the", "▁cat", "."], ["▁a", "3", ".", "3", "▁b", "!"], ["▁c", "▁ran", "ing", ".", "”"]],
        "zh": [["天", "气", "。"], ["气", "天", "3", ".", "3", "天", "!"], ["天", "天", "气", "。", "”"]],
    }[language]
    text = [token for sentence in sentences for token in ids(*sentence)] * 3
    rows = lay_out([text] * 200, len(text) + 2)
    found = taken_apart(viewed(context, rows, seeds(200), levels={"sentence": 1.0}, rate=0.3).batch)
    hidden = [tuple(span) for unit in found for span in unit.spans]

    assert len(found) == 200
    assert set(hidden) == {tuple(ids(*sentence)) for sentence in sentences}
    for unit in found:
        assert min(unit.masks) > 1  # what comes before the first end may be half a sentence
        assert sum(map(len, unit.spans)) - max(map(len, unit.spans)) < 0.3 * len(text)


def test_sentences_cover_the_share_where_they_are_short(context, lay_out, seeds):
    text = [STOP if index % 5 == 4 else 60 + index % 40 for index in range(400)]
    found = taken_apart(viewed(context, lay_out([text] * 50, 402), seeds(50), levels={"sentence": 1.0}).batch)
    shares = [sum(map(len, unit.spans)) / (len(unit.text) - 2) for unit in found]

    assert 0.14 < np.mean(shares) < 0.16 and max(shares) < 0.15 + 5 / 370


def test_a_text_without_a_whole_sentence_is_left_out(context, lay_out, seeds, ids):
    poor, good = numbered(1, 12)[0], ids("天", "。", "天", "气", "。", "天", "。", "天", "。", "天", "。")
    rows = lay_out([poor, good], 32)
    batch, counts, text_tokens = viewed(context, rows, seeds(1), levels={"sentence": 1.0})
    [unit] = taken_apart(batch)

    assert CHINESE_STOP in unit.spans[0]
    assert counts == {"blank_infilling": sum(len(span) + 1 for span in unit.spans)}
    assert text_tokens == len(unit.text) - 2


def test_a_document_span_is_half_of_the_text_or_more_anywhere_in_it(context, lay_out, seeds):
    found = taken_apart(viewed(context, lay_out(numbered(3000, 12), 14), seeds(3000), levels={"document": 1.0}).batch)
    lengths, places = (np.array([value(unit) for unit in found]) for value in (
        lambda unit: len(unit.spans[0]), lambda unit: unit.masks[0] - 1
    ))  # fmt: skip
    counts = np.bincount(lengths)

    assert {len(unit.text) - 2 for unit in found} == {10}
    assert counts[:5].sum() == 0 and len(counts) == 11
    assert np.abs(counts[5:] - 500).max() < 4 * np.sqrt(500)
    assert np.abs(np.bincount(places[lengths == 5]) - counts[5] / 6).max() < 4 * np.sqrt(counts[5] / 6)
    assert {tuple(unit.part_a) for unit in found if len(unit.spans[0]) == 10} == {(BOS, MASKS["document"], EOS)}


def test_samples_are_shared_out_over_the_levels(context, lay_out, seeds):
    texts = [[STOP if index % 4 == 3 else 60 + index for index in range(30)]] * 4000
    levels = {"document": 0.25, "token": 0.5, "sentence": 0.25}
    batch = viewed(context, lay_out(texts, 64), seeds(2000), levels=levels).batch
    shown = [unit.part_a[unit.masks[0]] for unit in taken_apart(batch)]

    assert len(shown) == 4000
    for level, share in levels.items():
        assert abs(shown.count(MASKS[level]) / 4000 - share) < 3 * np.sqrt(share * (1 - share) / 4000)


def test_a_row_depends_on_itself_and_its_seed_alone(context, lay_out, seeds):
    texts = [[STOP if index % 4 == 3 else 60 + index for index in range(12 + number % 20)] for number in range(40)]
    rows = lay_out(texts, 64)
    levels = {"token": 0.5, "sentence": 0.25, "document": 0.25}
    last, count = slice(5, None), len(rows.input_ids_BT)
    part = Windows(rows.input_ids_BT[last], rows.position_ids_BT[last], rows.samples()[last])
    whole, half = (viewed(context, *given, levels=levels).batch for given in (
        (rows, seeds(count)), (part, seeds(count)[last])
    ))  # fmt: skip
    again, other = (viewed(context, rows, seeds(count, epoch), levels=levels).batch for epoch in (0, 1))

    for field in ("input_ids_BT", "position_ids_BT", "span_position_ids_BT"):
        assert getattr(whole, field)[last].equal(getattr(half, field))
        assert getattr(whole, field).equal(getattr(again, field))
    assert not whole.input_ids_BT.equal(other.input_ids_BT)


def test_samples_too_short_for_a_span_are_left_out(context, lay_out, seeds):
    rows = lay_out([[40], [41, 42], [43, 44, 45]], 12)
    [unit] = taken_apart(viewed(context, rows, seeds(1)).batch)

    assert (unit.part_a, unit.spans) == ([BOS, MASKS["token"], EOS], [[45]])


@pytest.mark.parametrize("level", MASKS)
def test_rows_without_text_hide_nothing(context, seeds, level):
    empty = Windows(np.zeros((2, 8), np.int64), np.zeros((2, 8), np.int64), np.full((2, 8), -1))
    batch, counts, text_tokens = viewed(context, empty, seeds(2), levels={level: 1.0})

    assert (counts, text_tokens, len(batch.predict_M)) == ({"blank_infilling": 0}, 0, 0)
    assert batch.attention.sample_ids_BT.eq(-1).all()


@pytest.mark.parametrize("levels", [{"token": 0.5}, {"token": 1.0, "document": 0.0}, {}, {"word": 1.0}])
def test_levels_are_shares_of_known_levels(levels):
    with pytest.raises(ValidationError, match=r"add up to 1, got token|at least 1 item|'token', 'sentence'"):
        BlankInfillingViewConfig(levels=levels)


def test_the_longest_span_is_bounded_by_the_row_and_at_the_token_level_by_the_distribution():
    token, document = BlankInfillingViewConfig(), BlankInfillingViewConfig(levels={"token": 0.9, "document": 0.1})

    assert [token.longest_span(length) for length in (16, 256)] == [13, 39]
    assert document.longest_span(256) == 253
