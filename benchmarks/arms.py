"""Arms of an experiment: the same network, text and pairs under different objectives, each trained from several seeds.

A finished run is a JSON file that is kept, and made again only when something that it depends on has changed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytorch_lightning as pl

from benchmarks.alternation import fit
from benchmarks.made_up import stage_spec
from benchmarks.pairs import Floats, causal_scores, masked_scores, outcomes
from data.vocabulary import Vocabulary
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelConfig, flops_per_token

Equal = Literal["tokens", "FLOPs"]
MASKING_RATE = 0.15
POINTS = 3
"""Times that a run is judged, at equal distances, the last at its end."""


class Arm(NamedTuple):
    """What is trained, and what it has as much of as causal modelling alone."""

    shares: dict[str, float]
    """Objective -> part of the micro-batches."""
    equal: Equal


CAUSAL, MASKED, HYBRID = {"causal_lm": 1.0}, {"masked_lm": 1.0}, {"causal_lm": 0.5, "masked_lm": 0.5}
ARMS = {
    "causal": Arm(CAUSAL, "tokens"),
    "masked": Arm(MASKED, "tokens"),
    "hybrid": Arm(HYBRID, "tokens"),
    "masked-flops": Arm(MASKED, "FLOPs"),
    "hybrid-flops": Arm(HYBRID, "FLOPs"),
}


@dataclass(frozen=True)
class Experiment:
    """What all arms share."""

    name: str
    artifacts: Path
    """Vocabulary and tokens."""
    model: ModelConfig
    pairs: list[tuple[list[int], list[int]]]
    """Good and bad sentence, as ids."""
    steps: int
    """Of causal modelling alone."""
    rows: int
    micro_batches: int
    training: dict[str, Any]
    """Optimizer and learning rate of a stage."""

    def steps_of(self, arm: Arm) -> int:
        """Returns the steps of an arm: fewer positions that meet the vocabulary leave FLOPs for more of them."""
        if arm.equal == "tokens":
            return self.steps
        return round(self.steps * flops_per_position(self.model, CAUSAL) / flops_per_position(self.model, arm.shares))

    def settings(self, arm: Arm) -> dict[str, Any]:
        """Returns all that a run depends on but its seed, as JSON gives it back."""
        content = hashlib.sha256(json.dumps(self.pairs).encode())
        content.update((self.artifacts / "train.bin").read_bytes())
        return {
            "model": self.model.model_dump(mode="json"),
            "shares": arm.shares,
            "masking_rate": MASKING_RATE,
            "steps": self.steps_of(arm),
            "rows": self.rows,
            "micro_batches": self.micro_batches,
            "training": self.training,
            "data": content.hexdigest(),
        }


def flops_per_position(model: ModelConfig, shares: Mapping[str, float]) -> float:
    """Returns FLOPs of training per position of a whole row, of which all but bos are predicted or may be hidden."""
    predictable = (model.max_positions - 1) / model.max_positions
    meeting = {"causal_lm": predictable, "masked_lm": MASKING_RATE * predictable}
    return sum(
        share * flops_per_token(model, model.max_positions, meeting[objective]) for objective, share in shares.items()
    )


class Point(NamedTuple):
    """How a run stood after some steps."""

    step: int
    causal: list[float]
    """Outcome of each pair under causal scoring."""
    masked: list[float]


class Run(NamedTuple):
    """A finished run."""

    settings: dict[str, Any]
    curve: list[Point]


def load(path: Path) -> Run | None:
    """Returns a finished run, None if there is none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return Run(content["settings"], [Point(**point) for point in content["curve"]])


def run(experiment: Experiment, arm: str, seed: int, path: Path) -> Run:
    """Trains and judges one arm from one seed on one thread; or returns what an earlier call left in `path`."""
    settings = experiment.settings(ARMS[arm])
    known = load(path)
    if known is not None and known.settings == settings:
        return known
    steps = settings["steps"]
    judge = Judge(experiment, {round(steps * point / POINTS) for point in range(1, POINTS + 1)})
    own = {"masked_lm": {"rate": MASKING_RATE}, "causal_lm": {}}
    objectives = {name: own[name] | {"share": share} for name, share in ARMS[arm].shares.items()}
    with tempfile.TemporaryDirectory() as name:
        spec = stage_spec(
            experiment.artifacts,
            experiment.model,
            {"objectives": objectives, **experiment.training},
            resolve(HardwareConfig(accelerator="cpu", precision="fp32", threads=1)),
            steps=steps,
            rows=experiment.rows,
            micro_batches=experiment.micro_batches,
            seed=seed,
        ).model_copy(update={"work": Path(name)})
        fit(spec, [judge])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"settings": settings, "curve": [point._asdict() for point in judge.curve]}))
    partial.replace(path)
    return Run(settings, judge.curve)


class Judge(pl.Callback):
    """Scores the pairs after certain steps of a run."""

    def __init__(self, experiment: Experiment, steps: set[int]) -> None:
        self.steps = steps
        self.vocabulary = Vocabulary.load(experiment.artifacts)
        self.sentences = [np.array(ids) for kind in zip(*experiment.pairs, strict=True) for ids in kind]
        self.curve: list[Point] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        assert isinstance(module, StageModule)
        if module.completed_steps not in self.steps:
            return
        module.eval()
        causal = causal_scores(module.trunk, self.sentences)
        masked = masked_scores(module.trunk, self.sentences, self.vocabulary)
        module.train()
        self.curve.append(Point(module.completed_steps, *(_right(scores).tolist() for scores in (causal, masked))))


def _right(scores_P: Floats) -> Floats:
    """Returns the outcome of each pair; all good sentences come before all bad ones."""
    return outcomes(*np.split(scores_P, 2))
