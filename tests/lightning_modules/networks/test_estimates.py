from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from data.batch import Attention, TokenBatch
from lightning_modules.networks import ModelChoice, Trunk, count_parameters, flops_per_token

OPTIONS = [
    {},
    {"num_kv_heads": 2, "segments": 2, "span_positions": 9},
    {"qk_norm": True, "attention_window": 4},
    {"experts": 4},
    {"experts": 3, "experts_per_token": 2, "num_kv_heads": 1},
    {"architecture": "lstm"},
    {"architecture": "convolution"},
]


@pytest.mark.parametrize("choice", [ModelChoice(preset="tiny", **options) for options in OPTIONS])
def test_counted_parameters_are_those_of_the_network(choice: ModelChoice):
    config = choice.resolve(vocab_size=77, sequence_length=16)
    counted = count_parameters(config)

    assert counted["total"] == sum(parameter.numel() for parameter in Trunk(config).parameters())
    assert counted["embedding"] == (77 + config.segments + config.span_positions) * config.hidden_size


def test_tiny_has_the_parameters_worked_out_by_hand():
    config = ModelChoice(preset="tiny").resolve(vocab_size=4096, sequence_length=256)

    # 4 layers x (4 x 128² + 3 x 128 x 320 + 2 x 128) + 128
    assert count_parameters(config)["trunk"] == 4 * (65_536 + 122_880 + 256) + 128


@pytest.mark.parametrize("options", OPTIONS)
def test_flops_are_within_a_tenth_of_a_profiler(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)  # its LSTM is one kernel, which is not counted
    config = ModelChoice(preset="small", num_layers=2, **options).resolve(vocab_size=500, sequence_length=32)
    trunk = Trunk(config).eval()
    ids = torch.randint(500, (2, 32))
    mode = "full" if config.attends else "causal"
    batch = TokenBatch(ids, torch.arange(32).expand(2, 32), Attention(mode), seed=0)
    with FlopCounterMode(display=False) as counter:
        trunk.project(trunk.hidden(batch).flatten(0, 1)).sum().backward()

    assert flops_per_token(config, 32) * ids.numel() == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_only_positions_that_meet_the_vocabulary_pay_for_it():
    config = ModelChoice(preset="micro").resolve(vocab_size=1000, sequence_length=16)

    assert flops_per_token(config, 16, 1.0) - flops_per_token(config, 16, 0.25) == 6 * 0.75 * 1000 * 64
