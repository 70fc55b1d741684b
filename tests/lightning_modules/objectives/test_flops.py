"""The operations that plan and records give for an objective, against those that torch counts."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from data.packing import Windows
from data.views import VIEWS, ViewContext
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.stage import StageConfig

ROWS, LENGTH, SIZE = 4, 64, 3000
MODEL = ModelChoice(preset="micro", num_layers=3, num_heads=4, span_positions=LENGTH, dropout=0.1).resolve(
    vocab_size=SIZE, sequence_length=LENGTH
)
PIECES = [*map(special_piece, SPECIALS.by_name()), *(f"▁{index}." for index in range(SIZE - SPECIALS.count))]
VOCABULARY = Vocabulary.from_pieces(PIECES)


def counted(name: str, settings: dict[str, Any]) -> int:
    """Operations of one forward and backward over four rows of one document each."""
    random = np.random.default_rng(0)
    ids_BT = random.integers(SPECIALS.count, SIZE, (ROWS, LENGTH))
    ids_BT[:, 0], ids_BT[:, -1] = SPECIALS.bos, SPECIALS.eos
    rows = Windows(ids_BT, np.tile(np.arange(LENGTH), (ROWS, 1)), None)
    config = OBJECTIVES[name].config_class.model_validate(settings)
    view = VIEWS[name](config, ViewContext(VOCABULARY, LENGTH, MODEL.alignment))
    batch = view(rows, np.arange(ROWS, dtype=np.uint64)).batch
    objective, trunk = OBJECTIVES[name](config, MODEL, SPECIALS), Trunk(MODEL)
    # Of the fused attention on CPU torch counts nothing.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.stack([term.loss_sum for term in objective(trunk, batch).values()]).sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("causal_lm", {}),
        ("masked_lm", {"selection": "exact"}),
        ("masked_lm", {"selection": "exact", "rate": 0.5}),
        ("replaced_token", {"selection": "exact"}),
        ("replaced_token", {"selection": "exact", "generator_width": 0.5, "generator_layers": 1}),
        ("replaced_token", {"source": "uniform"}),
        ("masked_lm", {"selection": "exact", "rate": 0.3, "final_rate": 0.3}),
        ("blank_infilling", {}),
        ("blank_infilling", {"levels": {"document": 1.0}}),
        ("contrastive", {}),
        ("next_sentence", {}),
        ("sentence_order", {}),
    ],
)
def test_operations_are_within_a_tenth_of_those_torch_counts(name: str, settings: dict[str, Any]):
    config = OBJECTIVES[name].config_class.model_validate(settings)
    told = OBJECTIVES[name].flops_per_position(config, MODEL, LENGTH) * ROWS * LENGTH

    assert told == pytest.approx(counted(name, settings), rel=0.1)


def test_operations_of_a_stage_are_the_shares_of_its_objectives():
    stage = StageConfig.model_validate(
        {
            "tokens": 1,
            "peak_lr": 1.0,
            "sequence_length": LENGTH,
            "objectives": {"causal_lm": {"share": 0.25}, "sentence_order": {"share": 0.75}},
        }
    )
    alone = [OBJECTIVES[name].flops_per_position(use.settings, MODEL, LENGTH) for name, use in stage.objectives.items()]

    assert stage.flops_per_position(MODEL) == pytest.approx(0.25 * alone[0] + 0.75 * alone[1])
    assert alone[0] - alone[1] == 6 * SIZE * MODEL.hidden_size  # only causal modelling asks the vocabulary
