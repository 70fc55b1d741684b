"""Validates a stage while it is trained and sets aside the weights that did best (see `selection.py`)."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from data.batch import MicroBatch
from data.faults import reach
from lightning_modules.checkpoint import WholeFileIO
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.selection import Selection
from lightning_modules.spec import TrainSpec


class Keeper:
    """The best weights so far, in a file beside the checkpoint.

    Files carry their step in their names, and an older one goes only when a checkpoint knows of the newer: whichever
    checkpoint a resume finds, the file it speaks of is there.
    """

    def __init__(self, spec: TrainSpec, data: StageData) -> None:
        assert spec.stage.selection is not None
        self.spec, self.data = spec, data
        self.selection = Selection(spec.stage.selection, spec.steps, spec.stage.term_weights(spec.model))

    @cached_property
    def _batches(self) -> list[MicroBatch]:
        return list(self.data.val_dataloader())

    def validate(self, trainer: pl.Trainer, module: StageModule) -> dict[str, float]:
        """Validates as between two steps, sets the weights aside if they are better, returns the metrics."""
        module.eval()
        module.on_validation_epoch_start()
        for index, batch in enumerate(self._batches):
            moved = module.transfer_batch_to_device(batch, module.device, 0)
            with torch.no_grad(), trainer.precision_plugin.val_step_context():
                module.validation_step(moved, index)
        module.on_validation_epoch_end()
        module.train()
        step = module.completed_steps
        if self.selection.enter(step, module.validation_metrics) and trainer.is_global_zero:
            WholeFileIO().save_checkpoint({"state": _changing(module)}, self._file(step))
            reach("train/selected")
        return module.validation_metrics | self.selection.gap()

    def forget_older(self) -> None:
        """Deletes what the last checkpoint does not speak of any more; only the first rank calls it."""
        for file in self._folder.glob("best-*.ckpt"):
            if self.selection.best is None or file != self._file(self.selection.best["step"]):
                file.unlink()

    def restore(self, module: StageModule) -> None:
        """Puts the best weights, and what their validation showed, in the place of the last."""
        best = self.selection.best
        assert best is not None  # the last step is always validated
        state: dict[str, Any] = WholeFileIO().load_checkpoint(self._file(best["step"]))["state"]
        module.load_state_dict(state, strict=False)
        module.validation_metrics = best["metrics"]

    @property
    def _folder(self) -> Path:
        return self.spec.work / "checkpoints"

    def _file(self, step: int) -> Path:
        return self._folder / f"best-{step}.ckpt"


def _changing(module: StageModule) -> dict[str, torch.Tensor]:
    """Returns everything but what is frozen: that is the same in all weights of the stage."""
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: tensor.detach().cpu() for name, tensor in module.state_dict().items() if name not in frozen}
