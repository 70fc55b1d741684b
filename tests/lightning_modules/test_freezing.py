"""What is frozen stays to the bit, costs no optimizer state, and does not keep the rest from learning."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lightning_modules import train
from lightning_modules.checkpoint import LAST
from lightning_modules.datamodule import StageData
from lightning_modules.freezing import FreezeConfig
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice, ModelConfig, Trunk
from lightning_modules.spec import TrainSpec

MakeSpec = Callable[..., TrainSpec]
OBJECTIVES = {
    "forward": {"objective": "causal_lm", "share": 0.5},
    "replaced": {"objective": "replaced_token", "share": 0.25, "weight": 50.0},
    "order": {"objective": "sentence_order", "share": 0.25},
}
PARTS = {"embeddings": True, "layers": 1, "heads": ["replaced"]}


def is_frozen(name: str) -> bool:
    tables_and_first_layer = ("trunk.model.embed_tokens", "trunk.segments", "trunk.model.layers.0.")
    return name.startswith((*tables_and_first_layer, "heads.1."))


@pytest.mark.parametrize("method", ["adamw", "muon", "sgd"])
def test_frozen_parts_stay_to_the_bit_and_the_others_learn(make_spec: MakeSpec, method: str):
    spec = make_spec(stage={"objectives": OBJECTIVES, "freeze": PARTS, "optimizer": {"method": method}})
    before = {name: part.clone() for name, part in StageModule(spec).named_parameters()}
    module = StageModule(spec)

    train.train(module, StageData(spec))

    for name, part in module.named_parameters():
        assert part.requires_grad is not is_frozen(name), name
        assert torch.equal(part, before[name]) is is_frozen(name), name
    [saved] = torch.load(spec.work / LAST)["optimizer_states"]
    states = [state for part in saved.get("parts", [saved]) for state in part["state"].values()]
    assert len(states) == sum(not is_frozen(name) for name in before)
    assert json.loads((spec.output / "stage.json").read_text())["parameters"]["trained"] == sum(
        part.numel() for name, part in before.items() if not is_frozen(name)
    )


def test_gradients_do_not_reach_what_is_frozen(make_spec: MakeSpec):
    spec = make_spec(stage={"objectives": OBJECTIVES, "freeze": PARTS})
    module, data = StageModule(spec), StageData(spec)

    for micro in data.train_dataloader().step(0).micro_batches:
        torch.stack([term.loss_sum for term in module.named_terms(micro).values()]).sum().backward()

    without = {name for name, part in module.named_parameters() if part.grad is None}
    assert without == {name for name, _ in module.named_parameters() if is_frozen(name)}


def test_nothing_is_frozen_unless_asked(make_spec: MakeSpec):
    assert all(part.requires_grad for part in StageModule(make_spec()).parameters())


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        ({"layers": 3}, "freeze.layers is 3, but the model has 2 layers; lower it"),
        ({"heads": ["forward"]}, "freeze.heads: 'forward' has no head of its own to freeze; take it out"),
    ],
)
def test_what_there_is_not_cannot_be_frozen(make_spec: MakeSpec, freeze: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        StageModule(make_spec(stage={"objectives": OBJECTIVES, "freeze": freeze}))


def test_layers_are_checked_without_a_network(make_spec: MakeSpec):
    model: ModelConfig = make_spec().model
    FreezeConfig(layers=model.num_layers).check_model(model)

    with pytest.raises(ValueError, match="lower it"):
        FreezeConfig(layers=model.num_layers + 1).check_model(model)


def test_frozen_embeddings_are_all_tables():
    model = ModelChoice(preset="micro", span_positions=9).resolve(vocab_size=40, sequence_length=8)
    trunk = Trunk(model)

    FreezeConfig(embeddings=True).apply(trunk, {})

    assert {name for name, parameter in trunk.named_parameters() if not parameter.requires_grad} == {
        "model.embed_tokens.weight",
        "segments.weight",
        "span_positions.weight",
    }
