import subprocess
import sys
from typing import Any

import pytest

from lightning_modules.networks import PRESETS, ModelChoice, ModelConfig


def test_tiny_resolves_to_every_number():
    config = ModelChoice(preset="tiny").resolve(vocab_size=4096, sequence_length=256)

    assert config == ModelConfig(
        vocab_size=4096,
        hidden_size=128,
        num_layers=4,
        num_heads=4,
        num_kv_heads=4,
        intermediate_size=320,  # 8/3 * 128 = 341.3; 320 is the nearest multiple of 64
        max_positions=256,
    )


def test_an_override_wins_over_the_preset_and_what_follows_from_it_follows_the_override():
    config = ModelChoice(preset="tiny", hidden_size=192, num_heads=6, num_kv_heads=2).resolve(100, 32)

    assert (config.hidden_size, config.intermediate_size, config.num_kv_heads, config.num_layers) == (192, 512, 2, 4)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_resolves(preset: str):
    assert ModelChoice(preset=preset).resolve(1000, 128).head_size in (32, 64)


def test_an_unknown_preset_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"unknown model preset 'tny'\. Did you mean 'tiny'"):
        ModelChoice(preset="tny")


def test_positions_shorter_than_the_sequences_are_refused():
    with pytest.raises(ValueError, match="max_positions is 64, but sequences have 128"):
        ModelChoice(max_positions=64).resolve(100, 128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_heads": 3}, "hidden_size 64 is not a multiple of num_heads 3"),
        ({"hidden_size": 30, "num_heads": 2}, "it must be even"),
        ({"num_heads": 4, "num_kv_heads": 3}, "num_heads 4 is not a multiple of num_kv_heads 3"),
        ({"experts_per_token": 2}, "experts_per_token says how experts are used, but there is one: set experts to 2"),
        ({"capacity_factor": None}, "capacity_factor says how experts are used, but there is one"),
        ({"architecture": "lstm", "attention_window": 8}, "architecture 'lstm' has no attention_window: only the tr"),
        ({"architecture": "convolution", "qk_norm": True}, "architecture 'convolution' has no qk_norm"),
        ({"architecture": "lstm", "experts": 2}, "architecture 'lstm' has no experts"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        ModelChoice(preset="micro", **changes).resolve(100, 32)


def test_options_reach_the_description_also_where_they_are_none():
    config = ModelChoice(preset="micro", experts=4, capacity_factor=None, attention_window=8).resolve(100, 32)

    assert (config.experts, config.capacity_factor, config.attention_window) == (4, None, 8)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_describing_a_network_does_not_import_torch():
    code = (
        "import sys, lightning_modules.networks as n; n.ModelChoice().resolve(9, 9); sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
