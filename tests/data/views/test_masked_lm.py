import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from data.packing import Windows
from data.views.masked_lm import MaskedLMView, MaskedLMViewConfig
from data.vocabulary import SPECIALS

BOS, EOS, MASK = SPECIALS.bos, SPECIALS.eos, SPECIALS.mask


def documents(count: int, length: int) -> list[list[int]]:
    return [[40 + (number * 7 + index) % 180 for index in range(length)] for number in range(count)]


def hidden(batch, alignment: str) -> np.ndarray:
    """Flattened positions of the tokens to be predicted."""
    return batch.predict_M.numpy() + (alignment == "shifted")


@pytest.mark.parametrize("alignment", ["shifted", "same"])
@pytest.mark.parametrize("selection", ["bernoulli", "exact"])
def test_targets_are_the_originals_of_the_hidden_positions(context, lay_out, seeds, alignment, selection):
    rows = lay_out(documents(60, 23), 64)
    view = MaskedLMView(MaskedLMViewConfig(rate=0.3, selection=selection), context(64, alignment))
    batch, counts, text_tokens = view(rows, seeds(len(rows.input_ids_BT)))
    place, original = hidden(batch, alignment), rows.input_ids_BT.reshape(-1)
    shown = batch.input_ids_BT.numpy().reshape(-1)
    others = np.setdiff1d(np.arange(original.size), place)

    assert batch.targets_M.tolist() == original[place].tolist()
    assert (original[place] >= SPECIALS.count).all()  # neither specials nor padding are ever hidden
    assert (shown[others] == original[others]).all()
    assert counts == {"masked_lm": len(place)}
    assert text_tokens == 60 * 23
    assert batch.attention.mode == "full"


def test_rates_are_as_configured_within_three_sigma(context, lay_out, seeds):
    rows = lay_out(documents(2000, 127), 128)
    batch = MaskedLMView(MaskedLMViewConfig(), context(128, "same"))(rows, seeds(len(rows.input_ids_BT))).batch
    place = batch.predict_M.numpy()
    original, shown = rows.input_ids_BT.reshape(-1)[place], batch.input_ids_BT.numpy().reshape(-1)[place]
    random = (shown != MASK) & (shown != original)

    def near(share: float, expected: float, count: int) -> bool:
        return abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / count)

    assert near(len(place) / (2000 * 127), 0.15, 2000 * 127)
    assert near((shown == MASK).mean(), 0.8, len(place))
    kept_by_chance = 0.1 / 200  # a random token equals the original
    assert near(random.mean(), 0.1 - kept_by_chance, len(place))
    assert near((shown == original).mean(), 0.1 + kept_by_chance, len(place))
    assert shown[random].min() >= SPECIALS.count
    assert len(np.unique(shown[random])) == 200  # every ordinary token is drawn


def test_every_token_of_a_span_meets_its_own_fate(context, lay_out, seeds):
    rows = lay_out(documents(500, 127), 128)
    config = MaskedLMViewConfig(selection="span", span_lengths="uniform", span_max=8)
    batch = MaskedLMView(config, context(128, "same"))(rows, seeds(len(rows.input_ids_BT))).batch
    place, is_masked = batch.predict_M.numpy(), (batch.input_ids_BT.numpy() == MASK).reshape(-1)
    beside = np.flatnonzero(np.diff(place) == 1)
    both, count = is_masked[place[beside]] & is_masked[place[beside] + 1], len(beside)

    assert abs(is_masked[place].mean() - 0.8) < 3 * np.sqrt(0.16 / len(place))
    # Neighbours in a span are masked independently: 0.64 of the pairs, 0.8 if the span were decided as a whole.
    # Pairs that share a token are correlated: 0.8 ** 3 - 0.64 ** 2 each way.
    assert abs(both.mean() - 0.64) < 3 * np.sqrt((0.64 * 0.36 + 2 * (0.8**3 - 0.64**2)) / count)


def test_the_rate_of_a_stage_goes_to_its_end_and_stays_there_in_validation(context, lay_out, seeds):
    rows = lay_out(documents(300, 126), 128)
    view = MaskedLMView(MaskedLMViewConfig(selection="exact", rate=0.3, final_rate=0.15), context(128))
    hidden_of = [view.at(progress)(rows, seeds(300)).counts["masked_lm"] / 300 for progress in (0.0, 0.5, 1.0)]

    assert hidden_of == [round(126 * rate) for rate in (0.3, 0.225, 0.15)]
    steady = MaskedLMView(MaskedLMViewConfig(), context(128))
    assert steady.at(0.3).config == steady.config


@pytest.mark.parametrize(("tokens", "hidden_tokens"), [(1, 1), (3, 1), (10, 2), (60, 9)])
def test_exact_hides_the_rounded_share_of_every_sample(context, lay_out, seeds, tokens, hidden_tokens):
    rows = lay_out(documents(12, tokens), 64)
    view = MaskedLMView(MaskedLMViewConfig(selection="exact"), context(64, "same"))
    batch = view(rows, seeds(len(rows.input_ids_BT))).batch
    row_and_sample = (batch.predict_M.numpy() // 64) * 64 + rows.samples().reshape(-1)[batch.predict_M.numpy()]

    assert np.unique(row_and_sample, return_counts=True)[1].tolist() == [hidden_tokens] * 12


@pytest.mark.parametrize("selection", ["bernoulli", "exact"])
def test_whole_words_are_hidden_with_all_their_pieces(context, lay_out, seeds, ids, selection):
    words = [["▁cat", "s"], ["▁ran", "ing", "s"], ["天"], ["气"], ["ing"], ["▁a"], ["<0x0A>"], ["s", "ing"]]
    document = ids(*(piece for word in words for piece in word))
    rows = lay_out([document] * 200, 64)
    config = MaskedLMViewConfig(rate=0.4, selection=selection, whole_word=True)
    batch = MaskedLMView(config, context(64, "same"))(rows, seeds(len(rows.input_ids_BT))).batch
    masked = np.zeros(rows.input_ids_BT.size, dtype=bool)
    masked[batch.predict_M.numpy()] = True
    per_document = masked[np.flatnonzero(rows.input_ids_BT == BOS)[:, None] + 1 + np.arange(len(document))]
    parts = np.split(per_document, np.cumsum([len(word) for word in words])[:-1], axis=1)

    assert all((part.all(axis=1) | ~part.any(axis=1)).all() for part in parts)
    assert all(0 < part.any(axis=1).mean() < 1 for part in parts)
    if selection == "exact":
        assert per_document.sum(axis=1).max() <= round(0.4 * len(document))


def test_a_row_is_corrupted_alike_in_any_batch_and_otherwise_in_another_epoch(context, lay_out, seeds):
    rows = lay_out(documents(8, 30), 32)
    view = MaskedLMView(MaskedLMViewConfig(selection="exact", whole_word=True), context(32))
    part = Windows(rows.input_ids_BT[5:], rows.position_ids_BT[5:], None)
    whole, half = view(rows, seeds(8)).batch, view(part, seeds(8)[5:]).batch

    assert whole.input_ids_BT[5:].tolist() == half.input_ids_BT.tolist()
    assert whole.input_ids_BT.tolist() != view(rows, seeds(8, epoch=1)).batch.input_ids_BT.tolist()
    assert whole.seed != view(rows, seeds(8, epoch=1)).batch.seed


def test_rows_without_text_hide_nothing(context, seeds):
    empty = Windows(np.zeros((2, 8), np.int64), np.zeros((2, 8), np.int64), np.full((2, 8), -1))
    for selection in ("bernoulli", "exact", "with_replacement", "span", "ngram"):
        viewed = MaskedLMView(MaskedLMViewConfig(selection=selection), context(8))(empty, seeds(2))
        assert viewed.counts == {"masked_lm": 0}
        assert viewed.text_tokens == 0


def test_a_batch_moves_as_a_whole(context, lay_out, seeds):
    batch = MaskedLMView(MaskedLMViewConfig(), context(16))(lay_out(documents(3, 4), 16), seeds(2)).batch
    moved = batch.to("cpu")

    assert [f.name for f in dataclasses.fields(moved) if getattr(moved, f.name) is None] == [
        "original_ids_BT",
        "corrupted_M",
        "real_N",
        "segment_ids_BT",
        "span_position_ids_BT",
        "pool_S",
        "labels_S",
        "labels_SK",
    ]


def test_fractions_of_the_same_tokens_are_at_most_one():
    with pytest.raises(ValidationError, match="together at most 1"):
        MaskedLMViewConfig(mask_fraction=0.95, random_fraction=0.1)
