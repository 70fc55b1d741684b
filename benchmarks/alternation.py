"""StageLM's step through Lightning, and others' steps between: in turn, so that a busy machine is busy for all."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch

from lightning_modules import train
from lightning_modules.callbacks import StageRecorder
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

OURS = "stagelm"
Step = Callable[[int], object]
"""Takes one optimizer step; is told its number, from 0."""


def fit(spec: TrainSpec, callbacks: Sequence[pl.Callback] = ()) -> StageModule:
    """Trains a stage as `lightning_modules.train` does, without validating and without writing weights.

    The callbacks come before the one that logs, so what that costs falls into the next step.
    """
    torch.set_num_threads(spec.hardware.threads)
    recorder = StageRecorder(spec)
    with train._quiet_libraries():
        module = StageModule(spec)
        trainer = train._trainer(spec, recorder)
        trainer.callbacks[:0] = callbacks  # type: ignore[attr-defined]  # set by a connector
        recorder.start(trainer)
        trainer.fit(module, datamodule=StageData(spec))
    return module


class Alternation(pl.Callback):
    """After every `turn_steps` steps of Lightning's, lets each of the others take as many, and times all."""

    def __init__(self, others: Mapping[str, Step], turn_steps: int = 1) -> None:
        self.others = others
        self.turn_steps = turn_steps
        self.seconds: dict[str, list[float]] = {name: [] for name in (OURS, *others)}
        """Name -> seconds of each of its turns."""
        self.peak_bytes: dict[str, int] = dict.fromkeys(self.seconds, 0)
        """Name -> most GPU memory in use during its turns, that of all the others included."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._start_turn()

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        last = batch_idx + 1
        if last % self.turn_steps:
            return
        self._end_turn(OURS)
        for name, step in self.others.items():
            self._start_turn()
            for number in range(last - self.turn_steps, last):
                step(number)
            self._end_turn(name)
        self._start_turn()

    def _start_turn(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._started = time.perf_counter()

    def _end_turn(self, name: str) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            self.peak_bytes[name] = max(self.peak_bytes[name], torch.cuda.max_memory_allocated())
        self.seconds[name].append(time.perf_counter() - self._started)


def seconds_per_step(spec: TrainSpec, steps: int = 6) -> float:
    """Returns the median of a stage's first steps, the very first left out; leaves nothing to resume from."""
    alternation = Alternation({})
    with tempfile.TemporaryDirectory() as work:
        fit(spec.model_copy(update={"steps": steps, "work": Path(work)}), [alternation])
    return statistics.median(alternation.seconds[OURS][1:])


class Spread(NamedTuple):
    """What several turns came to."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns the median with the least and the greatest."""
        return cls(statistics.median(values), min(values), max(values))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def times_as_fast(seconds: Mapping[str, Sequence[float]], than: str, warm_up: int) -> Spread:
    """Returns how many times as fast we are, turn against turn; the first `warm_up` turns do not count."""
    pairs = zip(seconds[OURS][warm_up:], seconds[than][warm_up:], strict=True)
    return Spread.of([theirs / ours for ours, theirs in pairs])
