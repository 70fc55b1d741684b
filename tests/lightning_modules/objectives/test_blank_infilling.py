from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data.batch import Attention, TokenBatch
from data.packing import Windows, pack
from data.views.base import ViewContext
from data.views.blank_infilling import BlankInfillingView, BlankInfillingViewConfig, units
from data.views.noise import key, row_seeds
from data.views.spans import Spans
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.networks.attention import allowed
from lightning_modules.objectives.blank_infilling import BlankInfilling, BlankInfillingConfig

LENGTH = 32
CONFIG = ModelChoice(preset="micro", span_positions=LENGTH).resolve(vocab_size=60, sequence_length=LENGTH)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(29))])
MIXED = {"token": 0.5, "document": 0.5}


def infilling(*sizes: int, seed: int = 0) -> TokenBatch:
    """Units of texts of so many tokens, packed into rows of `LENGTH`."""
    tokens = np.random.default_rng(1).integers(SPECIALS.count, 60, sum(sizes)).astype(np.uint16)
    packing = pack(np.cumsum([0, *sizes]), LENGTH)
    rows = packing.read(tokens, np.arange(packing.rows), single=False)
    view = BlankInfillingView(BlankInfillingViewConfig(levels=MIXED, rate=0.3), ViewContext(VOCABULARY, LENGTH, "same"))
    return view(rows, row_seeds(key(seed), np.arange(packing.rows))).batch


def part(batch: TokenBatch, row: int, columns: slice) -> TokenBatch:
    """Some positions of one row; what they predict is left out."""
    attention = batch.attention
    return TokenBatch(
        batch.input_ids_BT[row : row + 1, columns],
        batch.position_ids_BT[row : row + 1, columns],
        Attention(
            attention.mode,
            attention.sample_ids_BT[row : row + 1, columns],
            attention.in_prefix_BT[row : row + 1, columns],
        ),
        seed=0,
        span_position_ids_BT=batch.span_position_ids_BT[row : row + 1, columns],
    )


@pytest.fixture
def trunk() -> Trunk:
    return Trunk(CONFIG, seed=3)


def term(trunk: Trunk, batch: TokenBatch):
    return BlankInfilling(BlankInfillingConfig(levels=MIXED), CONFIG, SPECIALS)(trunk, batch)["blank_infilling"]


@torch.no_grad()
def test_teacher_forced_loss_equals_writing_the_spans_step_by_step(trunk: Trunk):
    batch = infilling(30, 14, 12)
    exact = Trunk(CONFIG, seed=3).double()
    logits = exact.project(exact.hidden(batch).flatten(0, 1)[batch.predict_M])
    at_once = F.cross_entropy(logits, batch.targets_M, reduction="sum")
    steps = torch.zeros((), dtype=torch.float64)
    for place, target in zip(batch.predict_M.tolist(), batch.targets_M.tolist(), strict=True):
        row, column = divmod(place, LENGTH)
        read = part(batch, row, slice(0, column + 1))  # nothing of what comes later is there at all
        steps -= exact.project(exact.hidden(read)[0, -1]).log_softmax(-1)[target]

    assert len(batch.targets_M) > 15
    torch.testing.assert_close(at_once, steps, rtol=0, atol=1e-10)
    found = term(trunk, batch)
    torch.testing.assert_close(found.loss_sum, at_once.float(), rtol=1e-6, atol=1e-5)
    assert found.count == len(batch.targets_M) == found.ratios["accuracy"][1]


@torch.no_grad()
@pytest.mark.parametrize("seed", range(3))
def test_a_token_of_part_b_reaches_neither_part_a_nor_an_earlier_prediction(trunk: Trunk, seed: int):
    batch = infilling(30, seed=seed)
    before = trunk.project(trunk.hidden(batch))[0]
    for place in batch.predict_M.tolist():
        ids = batch.input_ids_BT.clone()
        ids[0, place] = 59 if ids[0, place] != 59 else 58
        after = trunk.project(trunk.hidden(replace(batch, input_ids_BT=ids)))[0]
        assert torch.equal(before[:place], after[:place])
        assert not torch.equal(before[place], after[place])


@torch.no_grad()
def test_a_token_of_part_a_reaches_every_state(trunk: Trunk):
    batch = infilling(28)
    used = batch.attention.sample_ids_BT[0] >= 0
    ids = batch.input_ids_BT.clone()
    last = int(batch.attention.in_prefix_BT.sum()) - 1
    ids[0, last] = 59
    before, after = trunk.hidden(batch)[0, used], trunk.hidden(replace(batch, input_ids_BT=ids))[0, used]

    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_one_span_over_the_whole_text_is_read_causally():
    rows = Windows(np.array([[SPECIALS.bos, 40, 41, 50, 51, 52]]), np.arange(6)[None], None)
    spans = Spans(np.array([3]), np.array([3]), bos_F=np.array([0]), kept_F=np.array([3]))
    batch = units(rows, spans, np.array([SPECIALS.mask]), np.array([0.5]), SPECIALS, seed=0)
    seen = allowed(batch.attention, 6, torch.device("cpu"))[0]

    assert batch.input_ids_BT.tolist() == [[SPECIALS.bos, SPECIALS.mask, SPECIALS.span_start, 50, 51, 52]]
    assert batch.targets_M.tolist() == [50, 51, 52, SPECIALS.span_end]
    assert seen[:2].tolist() == [[True] * 2 + [False] * 4] * 2
    assert torch.equal(seen[2:], torch.ones(6, 6, dtype=torch.bool).tril()[2:])


@torch.no_grad()
def test_packed_units_equal_each_alone(trunk: Trunk):
    batch = infilling(12, 9, 3)
    together, samples = trunk.hidden(batch)[0], batch.attention.sample_ids_BT[0]

    assert samples.unique().tolist() == [-1, 0, 1, 2]
    for sample in range(3):
        [inside] = torch.nonzero(samples == sample, as_tuple=True)
        alone = trunk.hidden(part(batch, 0, slice(int(inside[0]), int(inside[-1]) + 1)))[0]
        torch.testing.assert_close(together[inside], alone, rtol=0, atol=1e-5)


def test_the_place_in_a_span_is_read(trunk: Trunk):
    batch = infilling(30)
    elsewhere = replace(batch, span_position_ids_BT=torch.zeros_like(batch.input_ids_BT))

    assert term(trunk, batch).loss_sum != term(trunk, elsewhere).loss_sum


@pytest.mark.parametrize(
    ("levels", "longest", "rows"), [({"token": 1.0}, 39, 41), (MIXED, 61, 63), ({"sentence": 1.0}, 61, 63)]
)
def test_a_model_without_enough_places_in_a_span_is_told_how_many(levels: dict[str, float], longest: int, rows: int):
    config = BlankInfillingConfig(levels=levels)
    poor, enough = (
        ModelChoice(preset="micro", span_positions=given).resolve(60, sequence_length=64) for given in (rows - 1, rows)
    )

    BlankInfilling.check_model(config, enough)
    with pytest.raises(ValueError, match=rf"up to {longest} tokens.*set model\.span_positions to at least {rows}"):
        BlankInfilling.check_model(config, poor)
