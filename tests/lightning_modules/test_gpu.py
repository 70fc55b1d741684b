"""What a GPU must compute as the CPU does; `python3 -m benchmarks.gpu` measures more of it."""

import json
from collections.abc import Callable

import pytest
import torch

from benchmarks.made_up import network, running_text
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

MakeSpec = Callable[..., TrainSpec]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("objective", running_text())
def test_losses_and_gradients_are_those_of_the_cpu_in_fp32(make_spec: MakeSpec, objective: str):
    spec = make_spec(stage={"objectives": {objective: {}}})
    spec = spec.model_copy(update={"model": network(spec.model, [objective])})
    if spec.model.dropout:
        pytest.skip("needs dropout, which each device draws anew")
    micro = StageData(spec).train_dataloader().step(0).micro_batches[0]
    results = {}
    for device in ("cpu", "cuda"):
        module = StageModule(spec).to(device)
        terms = module.objectives[objective](module.trunk, micro.batch.to(device))
        sum(term.loss_sum for term in terms.values()).backward()
        losses = {name: float(term.loss_sum.detach()) for name, term in terms.items()}
        gradients = {
            name: parameter.grad.cpu() for name, parameter in module.named_parameters() if parameter.grad is not None
        }
        results[device] = losses, gradients

    (expected, expected_gradients), (found, found_gradients) = results["cpu"], results["cuda"]
    assert found == pytest.approx(expected, rel=1e-3)
    assert found_gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(found_gradients[name], gradient, rtol=1e-3, atol=1e-4)


def test_stage_in_bf16_follows_the_losses_of_the_cpu(make_spec: MakeSpec):
    curves = []
    for name, accelerator, precision in (("cpu", "cpu", "fp32"), ("gpu", "cuda", "bf16")):
        spec = make_spec(name, hardware={"accelerator": accelerator, "precision": precision})
        train.train(StageModule(spec), StageData(spec))
        metrics = [json.loads(line)["metrics"] for line in (spec.work / "metrics.jsonl").read_text().splitlines()]
        curves.append([step["train/loss"] for step in metrics if "train/loss" in step])
        assert (spec.output / "model.safetensors").exists()

    assert curves[1] == pytest.approx(curves[0], rel=0.02)
