import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.packing import Windows, pack
from data.views.noise import key, row_seeds, uniform
from data.views.selection import SelectionConfig, draw_lengths, select, tile
from data.vocabulary import SPECIALS, Vocabulary, special_piece

PIECES = ["▁the", "s", "ing", "天", "气", "。", ".", *(f"▁w{index}" for index in range(40))]
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *PIECES])
BUDGETED = ["exact", "with_replacement", "span", "ngram"]


def rows_of(documents: list[list[int]], length: int) -> Windows:
    packing = pack(np.cumsum([0, *map(len, documents)]), length)
    tokens = np.array([token for document in documents for token in document], dtype=np.uint16)
    return packing.read(tokens, np.arange(packing.rows), single=False)


def equal_samples(count: int, tokens: int) -> Windows:
    """Single samples of so many tokens, in rows they fill."""
    first = SPECIALS.count
    return rows_of([[first + index % len(PIECES) for index in range(tokens)]] * count, tokens + 2)


def selected(config: SelectionConfig, rows: Windows, epoch: int = 0) -> np.ndarray:
    """Marks (B, T) what is selected."""
    seeds = row_seeds(key(7, epoch), np.arange(len(rows.input_ids_BT)))
    is_text = ~VOCABULARY.is_special[rows.input_ids_BT]
    places = select(config, rows, is_text, VOCABULARY, seeds)
    marks = np.zeros(is_text.shape, dtype=bool)
    marks.reshape(-1)[places] = True
    assert (np.diff(places) > 0).all()
    assert (is_text | ~marks).all()
    return marks


def test_draws_with_replacement_hide_fewer_tokens_than_draws():
    # 19 draws of 128 tokens leave 128 * (1 - (1 - 1/128)^19) different ones: 13.84 %.
    shares = selected(SelectionConfig(selection="with_replacement"), equal_samples(4000, 128)).sum(axis=1) / 128

    assert shares.max() <= 19 / 128
    assert shares.mean() == pytest.approx(1 - (1 - 1 / 128) ** 19, abs=3 * shares.std() / np.sqrt(4000))
    assert shares.mean() == pytest.approx(0.1384, abs=5e-4)


@pytest.mark.parametrize(
    ("settings", "mean", "first"),
    [
        # GLM's Poisson(3) from 1 to 39, and the lengths that arXiv:1907.10529 reports for SpanBERT.
        ({"span_lengths": "poisson", "span_mean": 3.0, "span_max": 39}, 3.157, [0.157, 0.236, 0.236, 0.177]),
        ({"span_lengths": "geometric", "span_mean": 5.0, "span_max": 10}, 3.80, [0.2 / (1 - 0.8**10)]),
        ({"span_lengths": "uniform", "span_max": 3}, 2.0, [1 / 3, 1 / 3, 1 / 3]),
        ({"span_lengths": "geometric", "span_mean": 1.0}, 1.0, [1.0, 0.0]),
        ({"selection": "ngram"}, 18 / 11, [6 / 11, 3 / 11, 2 / 11]),
    ],
)
def test_lengths_of_spans_are_distributed_as_published(settings, mean, first):
    probabilities = SelectionConfig.model_validate({"selection": "span"} | settings).span_probabilities()

    assert probabilities.sum() == pytest.approx(1.0)
    assert probabilities[: len(first)] == pytest.approx(first, abs=5e-4)
    assert probabilities @ np.arange(1, len(probabilities) + 1) == pytest.approx(mean, abs=5e-3)


def test_spans_tile_each_sample_as_a_ring():
    # Two samples of five words. Lengths 2, 2, 3 fill the first from its word 3 on; 4, 2 the second from its start on.
    lengths, samples = np.array([2, 2, 3, 9, 9, 4, 2, 9, 9, 9]), np.repeat([10, 20], 5)
    noise = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    turned, spans = tile(lengths, samples, noise)

    assert turned.tolist() == [2, 3, 4, 0, 1, 5, 6, 7, 8, 9]
    assert spans.tolist() == [2, 2, 4, 0, 0, 5, 5, 5, 5, 9]


def test_drawn_lengths_have_their_probabilities():
    probabilities = SelectionConfig(selection="span", span_lengths="poisson", span_mean=3.0).span_probabilities()
    lengths = draw_lengths(probabilities, uniform(row_seeds(key(1), np.arange(100)), "length", 1000).reshape(-1))
    shares = np.bincount(lengths, minlength=len(probabilities) + 1)[1:] / len(lengths)

    assert (np.abs(shares - probabilities) < 4 * np.sqrt(probabilities * (1 - probabilities) / len(lengths))).all()


@pytest.mark.parametrize("selection", ["exact", "span", "ngram"])
def test_the_budget_of_every_sample_is_kept_to_the_token(selection: str):
    for tokens in (1, 3, 10, 60, 125):
        marks = selected(SelectionConfig(selection=selection, rate=0.3), equal_samples(40, tokens))
        assert marks.sum(axis=1).tolist() == [max(1, round(0.3 * tokens))] * 40


@pytest.mark.parametrize("selection", ["bernoulli", *BUDGETED])
def test_every_place_of_a_sample_is_as_likely_as_any_other(selection: str):
    rows = rows_of([[SPECIALS.count + 7 + index for index in range(20)]] * 4000, 22)
    per_place = selected(SelectionConfig(selection=selection, rate=0.25), rows)[:, 1:21]

    share = per_place.mean()
    assert np.abs(per_place.mean(axis=0) - share).max() < 4 * np.sqrt(share * (1 - share) / 4000)


def test_spans_are_longer_than_what_single_tokens_make():
    def mean_run(config: SelectionConfig) -> float:
        marks = selected(config, equal_samples(400, 126))
        return marks.sum() / (np.diff(marks.astype(int), axis=1) == 1).sum()

    ngram = mean_run(SelectionConfig(selection="ngram"))
    spans = mean_run(SelectionConfig(selection="span"))
    assert mean_run(SelectionConfig(selection="exact")) < 1.25 < ngram < 2.5 < spans


@pytest.mark.parametrize("selection", ["exact", "span", "ngram"])
def test_words_stay_whole_in_english_and_chinese(selection: str):
    words = [["▁the", "s"], ["▁w1", "ing", "s"], ["天"], ["气"], ["。"], ["▁w2", "."], ["▁w3"]] * 6
    document = [SPECIALS.count + PIECES.index(piece) for word in words for piece in word]
    marks = selected(SelectionConfig(selection=selection, whole_word=True, rate=0.3), rows_of([document] * 300, 68))
    parts = np.split(marks[:, 1 : 1 + len(document)], np.cumsum([len(word) for word in words])[:-1], axis=1)

    assert all((part.all(axis=1) == part.any(axis=1)).all() for part in parts)
    assert marks.sum(axis=1).max() <= round(0.3 * len(document))
    assert marks.sum(axis=1).min() > round(0.3 * len(document)) - 3  # the next word did not fit


def test_spans_of_whole_words_count_words():
    # Every word has two pieces, so a span of n words is 2n tokens long; apart from the last, cut to fit the budget.
    document = [SPECIALS.count + PIECES.index(piece) for _ in range(50) for piece in ("▁the", "s")]
    config = SelectionConfig(selection="span", whole_word=True, span_lengths="uniform", span_max=3, rate=0.06)
    marks = selected(config, rows_of([document] * 500, 102))[:, 1:101]

    assert set(marks.sum(axis=1).tolist()) == {6}
    assert (marks[:, ::2] == marks[:, 1::2]).all()


documents_st = st.lists(st.lists(st.integers(SPECIALS.count, VOCABULARY.size - 1), max_size=50), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    documents_st,
    st.sampled_from(BUDGETED),
    st.booleans(),
    st.sampled_from(["geometric", "poisson", "uniform"]),
    st.integers(1, 40),
    st.floats(0.01, 0.99),
)
def test_no_sample_exceeds_its_budget_or_goes_empty(documents, selection, whole_word, lengths, longest, rate):
    config = SelectionConfig(
        selection=selection,
        whole_word=whole_word and selection != "with_replacement",
        span_lengths=lengths,
        span_max=longest,
        rate=rate,
    )
    rows = rows_of(documents, 24)
    marks = selected(config, rows)
    is_text = ~VOCABULARY.is_special[rows.input_ids_BT]

    for row, samples in enumerate(rows.samples()):
        for sample in range(samples.max() + 1):
            inside = (samples == sample) & is_text[row]
            budget = max(1, round(rate * int(inside.sum())))
            hidden = int((marks[row] & inside).sum())
            assert hidden >= 1
            if not config.whole_word:
                assert hidden <= budget
                assert selection == "with_replacement" or hidden == budget


def test_a_sample_is_hidden_alike_whatever_lies_beside_it_and_otherwise_in_another_epoch():
    rows = equal_samples(8, 40)
    seeds = row_seeds(key(7, 0), np.arange(8))
    for selection in BUDGETED:
        config, is_text = SelectionConfig(selection=selection), ~VOCABULARY.is_special[rows.input_ids_BT]
        whole = selected(config, rows)
        half = Windows(rows.input_ids_BT[5:], rows.position_ids_BT[5:], None)
        alone = select(config, half, is_text[5:], VOCABULARY, seeds[5:])
        assert np.flatnonzero(whole[5:]).tolist() == alone.tolist()
        assert (whole != selected(config, rows, epoch=1)).any()


def test_the_rate_goes_in_a_straight_line_to_its_end():
    config = SelectionConfig(rate=0.3, final_rate=0.15)

    assert [config.at(progress).rate for progress in (0.0, 1 / 3, 1.0)] == pytest.approx([0.3, 0.25, 0.15])
    assert config.at(0.5).at(0.5) == config.at(0.5)
    assert SelectionConfig(rate=0.3).at(0.9) == SelectionConfig(rate=0.3)


def test_draws_with_replacement_of_whole_words_are_refused():
    with pytest.raises(ValidationError, match="with_replacement draws single tokens, not words: leave whole_word out"):
        SelectionConfig(selection="with_replacement", whole_word=True)
