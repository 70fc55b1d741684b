import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.example_rows import ExampleRows
from data.packing import pack
from data.views.base import ViewContext
from data.views.noise import key, row_seeds
from data.views.prefix_lm import PrefixLMView, PrefixLMViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece

BOS, EOS, SEP, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.sep, SPECIALS.pad
TEXT = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(100))])


def test_only_the_answer_and_its_end_are_predicted(context, seeds):
    rows = ExampleRows([np.array([40, 41]), np.array([50])], [np.array([60]), np.array([70, 71])], np.array([-1, -1]))
    batch, counts, text_tokens = PrefixLMView(PrefixLMViewConfig(), context(8))(rows, seeds(2))

    assert batch.input_ids_BT.tolist() == [[BOS, 40, 41, SEP, 60, EOS], [BOS, 50, SEP, 70, 71, EOS]]
    assert batch.predict_M.tolist() == [3, 4, 6 + 2, 6 + 3, 6 + 4]
    assert batch.targets_M.tolist() == [60, EOS, 70, 71, EOS]
    assert batch.attention.mode == "prefix"
    assert batch.attention.in_prefix_BT.tolist() == [[True] * 4 + [False] * 2, [True] * 3 + [False] * 3]
    assert batch.attention.sample_ids_BT is None
    assert (counts, text_tokens) == ({"prefix_lm": 5}, 6)


def test_padding_follows_eos(context, seeds):
    rows = ExampleRows([np.array([40, 41]), np.array([50])], [np.array([60]), np.array([70])], np.array([-1, -1]))
    batch, _, _ = PrefixLMView(PrefixLMViewConfig(), context(8))(rows, seeds(2))

    assert batch.input_ids_BT[1].tolist() == [BOS, 50, SEP, 70, EOS, PAD]
    assert batch.attention.sample_ids_BT[1].tolist() == [0, 0, 0, 0, 0, -1]


def test_running_text_is_predicted_after_a_drawn_prefix(context, lay_out, seeds):
    rows = lay_out([[40, 41, 42], [50]], 9)  # bos 40 41 42 eos bos 50 eos pad
    cuts = set()
    for epoch in range(60):
        batch, counts, text_tokens = PrefixLMView(PrefixLMViewConfig(), context(9))(rows, seeds(1, epoch))
        in_prefix = batch.attention.in_prefix_BT[0].tolist()
        first, second = sum(in_prefix[:5]), sum(in_prefix[5:8])
        cuts.add((first, second))

        assert in_prefix == [True] * first + [False] * (5 - first) + [True] * second + [False] * (4 - second)
        assert batch.predict_M.tolist() == [*range(first - 1, 4), *range(5 + second - 1, 7)]
        assert batch.targets_M.tolist() == [*[40, 41, 42, EOS][first - 1 :], *[50, EOS][second - 1 :]]
        assert batch.attention.mode == "prefix"
        assert batch.attention.sample_ids_BT.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, -1]]
        assert (counts, text_tokens) == ({"prefix_lm": 7 - first - second + 1}, 4)
    assert cuts == {(first, second) for first in (1, 2, 3, 4) for second in (1, 2)}


def test_prefixes_are_equally_often_of_every_length(context, lay_out, seeds):
    rows = lay_out([[40] * 9] * 6000, 11)
    batch = PrefixLMView(PrefixLMViewConfig(), context(11))(rows, seeds(6000)).batch
    lengths = batch.attention.in_prefix_BT.sum(dim=1)

    assert batch.attention.sample_ids_BT is None
    assert np.unique(lengths).tolist() == list(range(1, 11))
    assert np.abs(np.bincount(lengths)[1:] - 600).max() < 3.5 * np.sqrt(600 * 0.9)


@pytest.mark.parametrize("pieces", [["天", "气", "。"], ["▁the", "▁cat", "."]])
def test_text_of_either_language_is_cut_at_any_token(context, lay_out, seeds, ids, pieces):
    rows = lay_out([ids(*pieces)] * 40, 5)
    batch = PrefixLMView(PrefixLMViewConfig(), context(5))(rows, seeds(40)).batch

    assert set(batch.attention.in_prefix_BT.sum(dim=1).tolist()) == {1, 2, 3, 4}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 1000))
def test_every_sample_predicts_all_that_follows_its_prefix_and_something(lengths: list[int], epoch: int):
    packing = pack(np.cumsum([0, *lengths]), 16)
    rows = packing.read(np.full(sum(lengths), 40, np.uint16), np.arange(packing.rows), single=False)
    seeds_B = row_seeds(key(3, epoch), np.arange(packing.rows))
    batch = PrefixLMView(PrefixLMViewConfig(), ViewContext(TEXT, 16, "shifted"))(rows, seeds_B).batch
    predicts = np.zeros(rows.input_ids_BT.size, dtype=int)
    predicts[batch.predict_M.numpy()] = 1
    prefix, samples = batch.attention.in_prefix_BT.numpy().reshape(-1), rows.samples().reshape(-1)

    for bos in np.flatnonzero(rows.input_ids_BT.reshape(-1) == BOS):
        inside = (rows.starts() == bos) & (samples >= 0)
        assert predicts[inside].sum() + prefix[inside].sum() == inside.sum()
        assert predicts[inside].sum() >= 1
        assert prefix[bos]
    assert not prefix[samples < 0].any()


def test_text_is_cut_elsewhere_in_another_epoch(context, lay_out, seeds):
    rows, view = lay_out([[40] * 30] * 3, 32), PrefixLMView(PrefixLMViewConfig(), context(32))

    assert view(rows, seeds(3)).batch.predict_M.equal(view(rows, seeds(3)).batch.predict_M)
    assert not view(rows, seeds(3)).batch.predict_M.equal(view(rows, seeds(3, epoch=1)).batch.predict_M)
