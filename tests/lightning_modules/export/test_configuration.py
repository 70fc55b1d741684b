import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lightning_modules.export import TARGETS
from lightning_modules.export.configuration import KEPT, NAMES, OURS, from_transformers, to_transformers
from lightning_modules.networks import ModelChoice, ModelConfig

PLAIN = ModelChoice(preset="micro", alignment="same", segments=2, dropout=0.5).resolve(
    vocab_size=60, sequence_length=16
)


def test_every_field_that_is_not_written_has_a_value_that_means_without_it():
    special = ModelConfig.model_fields.keys() - NAMES.keys() - set(KEPT)

    assert [name for name in special if ModelConfig.model_fields[name].is_required()] == []
    assert set(NAMES) | set(KEPT) <= ModelConfig.model_fields.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_network_comes_back_equal(features: dict[str, dict[str, Any]], name: str):
    config = ModelConfig(**PLAIN.model_dump() | features.get(name, {}))
    written = json.loads(json.dumps(to_transformers(config, TARGETS[name])))

    assert from_transformers(written, TARGETS[name], Path("config.json")) == config


def test_what_is_not_said_of_our_own_fields_follows_from_the_class():
    for name, alignment in (("llama", "shifted"), ("eurobert-masked", "same")):
        written = to_transformers(PLAIN, TARGETS[name])
        del written[OURS]
        read = from_transformers(written, TARGETS[name], Path("config.json"))

        assert (read.alignment, read.segments, read.dropout) == (alignment, 4, 0.0)


@pytest.mark.parametrize(
    ("network", "able"),
    [
        ({}, "llama, eurobert, eurobert-masked, eurobert-classifier"),
        ({"alignment": "shifted"}, "llama, eurobert, eurobert-classifier"),
        ({"qk_norm": True}, "qwen3"),
        ({"attention_window": 4}, "mistral"),
        ({"experts": 4, "experts_per_token": 2}, "mixtral"),
        ({"experts": 4, "experts_per_token": 2, "attention_window": 4}, "mixtral"),
        ({"experts": 4}, "none"),
        ({"experts": 4, "experts_per_token": 2, "evaluation_capacity_factor": 2.0}, "none"),
        ({"qk_norm": True, "attention_window": 4}, "none"),
        ({"qk_norm": True, "experts": 4, "experts_per_token": 2}, "none"),
        ({"architecture": "lstm"}, "none"),
    ],
)
def test_targets_hold_the_networks_they_are_there_for(network: dict[str, Any], able: str):
    config = ModelConfig(**PLAIN.model_dump() | network)
    holding = []
    for name, target in TARGETS.items():
        with suppress(ValueError):
            to_transformers(config, target)
            holding.append(name)

    assert (", ".join(holding) or "none") == able


@pytest.mark.parametrize(
    ("name", "network", "message"),
    [
        ("llama", {"attention_window": 4}, "LlamaForCausalLM has no place for attention_window=4; .*: mistral$"),
        ("mistral", {}, "MistralForCausalLM is for networks with attention_window; .*: llama, eurobert, "),
        ("qwen3", {}, "Qwen3ForCausalLM is for networks with qk_norm=True, not False; .*: llama, eurobert, "),
        ("qwen3", {"qk_norm": True, "attention_window": 4}, "has no place for attention_window=4; .*: none$"),
        ("mixtral", {"experts": 4}, "experts_per_token=2, not 1: it makes the gates add up to 1, .*: none$"),
        ("eurobert", {"qk_norm": True}, "has no place for qk_norm=True; targets that hold this model: qwen3$"),
    ],
)
def test_refusal_says_why_and_which_targets_hold_the_network(name: str, network: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        to_transformers(ModelConfig(**PLAIN.model_dump() | network), TARGETS[name])


def test_fields_are_written_under_the_names_of_the_class(features: dict[str, dict[str, Any]]):
    mixtral, qwen = (
        to_transformers(ModelConfig(**PLAIN.model_dump() | features[name]), TARGETS[name])
        for name in ("mixtral", "qwen3")
    )

    assert [mixtral[key] for key in ("num_local_experts", "num_experts_per_tok", "sliding_window")] == [3, 2, 4]
    assert "qk_norm" not in qwen
