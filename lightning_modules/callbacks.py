"""What a stage leaves while it runs: its metrics, and the checkpoint it resumes from."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback

from data.faults import reach
from lightning_modules.checkpoint import LAST
from lightning_modules.keeping import Keeper
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

TERMINATED = 128 + signal.SIGTERM
"""Exit status after SIGTERM, as a shell reports it."""


class StageRecorder(Callback):
    """Appends to `metrics.jsonl` and saves checkpoints, each every so many steps; on SIGTERM saves once more and ends.

    A checkpoint knows how long the metrics file was when it was made. A resume cuts the file back to that length, so no
    step is in it twice.
    """

    def __init__(self, spec: TrainSpec, keeper: Keeper | None = None) -> None:
        """Starts the clock.

        Args:
            spec: of the stage.
            keeper: validates on the way and keeps the best weights; None: the last are kept.
        """
        self.spec, self.keeper = spec, keeper
        self.path = spec.work / "metrics.jsonl"
        self.seconds_before = 0.0
        self.started = self.interval_started = time.perf_counter()
        self.told_to_stop = False

    @property
    def seconds(self) -> float:
        """Spent on the stage so far, in all attempts."""
        return self.seconds_before + time.perf_counter() - self.started

    def start(self, trainer: pl.Trainer) -> None:
        """Begins an empty metrics file: an attempt that died before its first checkpoint counts for nothing."""
        if trainer.is_global_zero:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")

    def state_dict(self) -> dict[str, Any]:
        kept = {} if self.keeper is None else {"selection": self.keeper.selection.state_dict()}
        return {"seconds": self.seconds, "metrics_bytes": self.path.stat().st_size, **kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds_before = state_dict["seconds"]
        self.started = time.perf_counter()
        if self.keeper is not None:
            self.keeper.selection.load_state_dict(state_dict["selection"])
        if int(os.environ.get("RANK", 0)) == 0:
            os.truncate(self.path, state_dict["metrics_bytes"])

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # After Lightning's own handler, which on several ranks would start an exchange from within the signal.
        signal.signal(signal.SIGTERM, self._note_stop)
        self.interval_started = time.perf_counter()
        trainer.should_stop = self._out_of_patience

    @property
    def _out_of_patience(self) -> bool:
        return self.keeper is not None and self.keeper.selection.stopped

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(module, StageModule)
        step = module.completed_steps
        judged = self.keeper is not None and self.keeper.selection.due(step)
        log = step % self.spec.log_steps == 0 or step == self.spec.steps or judged
        stop = self._stops(trainer, asking=log)
        save = step % self.spec.checkpoint_steps == 0 or step == self.spec.steps or stop
        if log or save:  # also before saving: what has diverged is never saved
            self._log(trainer, module)
        if judged and self.keeper is not None:
            self.write(trainer, module, self.keeper.validate(trainer, module))
            trainer.should_stop = self._out_of_patience
        if save or trainer.should_stop:
            trainer.save_checkpoint(self.spec.work / LAST)
            reach("train/checkpointed")
            if self.keeper is not None and trainer.is_global_zero:
                self.keeper.forget_older()
        if stop:
            raise SystemExit(TERMINATED)

    def write(self, trainer: pl.Trainer, module: StageModule, metrics: dict[str, float]) -> None:
        """Appends one line; only the first rank does."""
        if not trainer.is_global_zero:
            return
        line = {
            "step": module.completed_steps,
            "steps": self.spec.steps,
            "tokens": self.spec.tokens_before + module.completed_positions,
            "seconds": round(self.seconds, 3),
            "metrics": metrics,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _log(self, trainer: pl.Trainer, module: StageModule) -> None:
        interval = module.close_ledger()
        if self.keeper is not None:
            sums, counts = interval.tally.loss_sums, interval.tally.counts
            self.keeper.selection.trained(
                {name: float(total) for name, total in sums.items()},
                {name: float(count) for name, count in counts.items()},
            )
        now = time.perf_counter()
        seconds, self.interval_started = now - self.interval_started, now
        rates = {
            "throughput/tokens_per_second": interval.positions / seconds,
            "throughput/corpus_tokens": interval.text_tokens / seconds,
        }
        self.write(trainer, module, interval.metrics | rates)

    def _note_stop(self, *_: Any) -> None:
        self.told_to_stop = True

    def _stops(self, trainer: pl.Trainer, asking: bool) -> bool:
        """Whether to end after this step. Several ranks must agree, so they ask each other, at logged steps only."""
        if trainer.world_size == 1:
            return self.told_to_stop
        if not asking:
            return False
        told = torch.tensor(float(self.told_to_stop), device=trainer.strategy.root_device)
        dist.all_reduce(told)
        return bool(told.item())
