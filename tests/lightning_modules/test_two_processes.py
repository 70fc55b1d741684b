"""Two ranks on one CPU, under torchrun as the flows start it, train as one process does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from data.batch import StepBatch
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec
from lightning_modules.weighting import WEIGHTINGS

pytestmark = pytest.mark.usefixtures("one_thread")
MakeSpec = Callable[..., TrainSpec]
WITH_HEADS = {
    "forward": {"objective": "causal_lm", "share": 0.4},
    "replaced_token": {"share": 0.3, "weight": 50.0},
    "sentence_order": {"share": 0.3},
}
PLAIN_SGD = {"method": "sgd", "momentum": 0.0}
DDP = {"devices": 2, "strategy": "ddp"}
PERTURBED = "perturbed"


def in_two_processes(specs: Iterable[TrainSpec]) -> subprocess.CompletedProcess[str]:
    """Runs stages under torchrun, one after the other in the same processes: to start these is what takes long."""
    paths = []
    for spec in specs:
        spec.work.mkdir(parents=True, exist_ok=True)
        paths.append(str(spec.work / "spec.json"))
        (spec.work / "spec.json").write_text(spec.model_dump_json())
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python"]
    each = "import sys; from lightning_modules import train; sys.exit(max(train.main([path]) for path in sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, *launcher, sys.executable, "-c", each, *paths],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def lines(spec: TrainSpec) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (spec.work / "metrics.jsonl").read_text().splitlines()]


def controller(spec: TrainSpec) -> dict[str, Any]:
    """Returns the state of the weighting at the end."""
    return torch.load(spec.work / "checkpoints/last.ckpt", weights_only=True)["stage"]["weighting"]


class MergedData(StageData):
    """What the ranks of another spec read, as one."""

    statistics: ClassVar[dict[str, float]] = {}

    def __init__(self, spec: TrainSpec, of: TrainSpec) -> None:
        super().__init__(spec)
        self.parts = []
        for rank in range(of.hardware.devices):
            part = StageData(of)
            part._place = lambda rank=rank: (rank, of.hardware.devices)  # type: ignore[method-assign]
            self.parts.append(part.train_dataloader())

    def train_dataloader(self) -> Any:
        steps = [[loader.step(step) for loader in self.parts] for step in range(self.spec.steps)]
        merged = [StepBatch(ranks[0].step, [m for rank in ranks for m in rank.micro_batches]) for ranks in steps]
        return DataLoader(merged, batch_size=None)  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_processes_leave_frozen_parts_to_the_bit(make_spec: MakeSpec):
    freeze = {"embeddings": True, "layers": 1, "heads": ["replaced_token"]}
    stage = {"objectives": WITH_HEADS, "optimizer": PLAIN_SGD, "peak_lr": 0.05, "freeze": freeze}
    two = make_spec("two", stage=stage, hardware=DDP, steps=4, micro_batches=3)
    start = StageModule(two)
    before = {
        "model.safetensors": start.trunk.state_dict(),
        "heads.safetensors": {
            f"{name}.{parameter}": tensor
            for name, objective in start.objectives.items()
            for parameter, tensor in objective.state_dict().items()
        },
    }
    frozen = ("model.embed_tokens", "segments.", "model.layers.0.", "replaced_token.")

    done = in_two_processes([two])

    assert done.returncode == 0, done.stderr
    for file, parts in before.items():
        for name, tensor in load_file(two.output / file).items():
            assert torch.equal(tensor, parts[name]) is name.startswith(frozen), name


@pytest.mark.slow
def test_two_processes_train_as_one_under_every_weighting(make_spec: MakeSpec):
    """Every rank reads other rows, counts are unequal, and the last micro-batch of a step uses no head but its own.

    One more stage, of static weights, perturbs embeddings and chooses its weights by validation.
    """

    def spec(processes: str, method: str, **changes: Any) -> TrainSpec:
        if method == PERTURBED:
            changes |= {"adversary": {"epsilon": 0.5}, "layer_lr_decay": 0.8}
        selection = {"every_steps": 1, "patience": 2} if method == PERTURBED else None
        eager = {"update_every_steps": 1} if method not in ("static", "uncertainty", PERTURBED) else {}
        weighting = {"method": method.removeprefix(PERTURBED) or "static", **eager}
        stage = {"objectives": WITH_HEADS, "optimizer": PLAIN_SGD, "peak_lr": 0.05, "weighting": weighting}
        return make_spec(f"{processes} {method}", stage=stage | {"selection": selection}, steps=4, **changes)

    twos = {method: spec("two", method, hardware=DDP, micro_batches=3) for method in (*WEIGHTINGS, PERTURBED)}

    done = in_two_processes(twos.values())

    assert done.returncode == 0, done.stderr
    for method, two in twos.items():
        one = spec("one", method, micro_batches=6)
        train.train(StageModule(one), MergedData(one, of=two))
        for name in ("model.safetensors", "heads.safetensors"):
            torch.testing.assert_close(load_file(two.output / name), load_file(one.output / name), rtol=0, atol=1e-6)
        for ours, theirs in zip(lines(two), lines(one), strict=True):
            assert (ours["step"], ours["tokens"]) == (theirs["step"], theirs["tokens"])
            for name, value in ours["metrics"].items():
                if not name.startswith(("throughput/", "data/")):  # what of the rows is for each rank
                    assert value == pytest.approx(theirs["metrics"][name], rel=1e-4, abs=1e-6), f"{method}: {name}"
        ours, theirs = controller(two), controller(one)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
        assert (set(ours["factors"].values()) == {1.0}) == (method in ("static", PERTURBED))
    kept = [json.loads((spec.output / "stage.json").read_text()) for spec in (twos[PERTURBED], one)]
    assert kept[0]["selection"]["step"] == kept[1]["selection"]["step"]
