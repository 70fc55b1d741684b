"""Learning rates by layer, in every optimizer and in a step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules import train
from lightning_modules.adapters import LoRAConfig
from lightning_modules.datamodule import StageData
from lightning_modules.layerwise import rate_scales
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.optimizers import AdamWConfig, MuonConfig, SGDConfig
from lightning_modules.spec import TrainSpec

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)  # 2 layers


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(CONFIG)
        self.head = nn.Linear(64, 2)


def test_each_layer_has_a_smaller_rate_than_the_one_above():
    model = Model()
    scales = rate_scales(model.trunk, 0.5)
    found = {name: scales.get(id(parameter), 1.0) for name, parameter in model.named_parameters()}

    assert {scale for name, scale in found.items() if ".layers.1." in name} == {0.5}
    assert {scale for name, scale in found.items() if ".layers.0." in name} == {0.25}
    assert found["trunk.model.embed_tokens.weight"] == found["trunk.segments.weight"] == 0.125
    assert found["trunk.model.norm.weight"] == found["head.weight"] == 1.0
    assert rate_scales(model.trunk, 1.0) == {}


def test_what_lora_adds_to_a_layer_goes_with_the_layer():
    trunk = Trunk(CONFIG)
    LoRAConfig().build().apply(trunk)
    scales = rate_scales(trunk, 0.5)

    assert scales[id(trunk.get_parameter("model.layers.0.mlp.up_proj.lora_A"))] == 0.25


@pytest.mark.parametrize("config", [AdamWConfig(), SGDConfig(weight_decay=0.1), MuonConfig()])
def test_every_optimizer_has_each_parameter_once_with_its_scale_and_its_decay(config: Any):
    model = Model()
    scales = rate_scales(model.trunk, 0.5)
    plain = {
        id(parameter): group["weight_decay"]
        for group in config.build(model, 1e-3).param_groups
        for parameter in group["params"]
    }
    groups = config.build(model, 1e-3, scales=scales).param_groups
    scaled = [(id(parameter), group) for group in groups for parameter in group["params"]]

    assert sorted(key for key, _ in scaled) == sorted(plain)
    assert all(group["weight_decay"] == plain[key] for key, group in scaled)
    assert all(group["lr_scale"] == scales.get(key, 1.0) for key, group in scaled)


def test_a_step_moves_each_layer_by_its_part_of_the_rate(make_spec: Callable[..., TrainSpec]):
    def update(name: str, decay: float) -> dict[str, Tensor]:
        stage = {"optimizer": {"method": "sgd", "momentum": 0.0}, "peak_lr": 0.5, "clip_norm": 1e9,
                 "schedule": {"shape": "linear", "warmup_fraction": 0.0, "final_fraction": 1.0}}  # fmt: skip
        spec = make_spec(name, stage=stage, steps=1, layer_lr_decay=decay)
        first = {key: tensor.clone() for key, tensor in StageModule(spec).trunk.state_dict().items()}
        module = StageModule(spec)
        train.train(module, StageData(spec))
        return {key: tensor - first[key] for key, tensor in module.trunk.state_dict().items()}

    whole, scaled = update("whole", 1.0), update("scaled", 0.5)
    for name, scale in (("model.norm.weight", 1.0), ("model.layers.1.mlp.up_proj.weight", 0.5),
                        ("model.layers.0.mlp.up_proj.weight", 0.25), ("model.embed_tokens.weight", 0.125)):  # fmt: skip
        assert whole[name].norm() > 1e-3
        torch.testing.assert_close(scaled[name], scale * whole[name], rtol=1e-3, atol=1e-6)
