"""`python -m lightning_modules.train spec.json`: the one way training runs.

Always a process of its own, alone or one of several under `python -m torch.distributed.run`. It resumes by itself where
its work folder holds a checkpoint. Exit status: 0 done; 2 what was asked for cannot be trained (one line on stderr says
why); 143 stopped by SIGTERM after saving; anything else is a fault of the program or the machine.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pydantic import ValidationError
from pytorch_lightning.strategies import DDPStrategy

from data.faults import reach
from lightning_modules.callbacks import StageRecorder
from lightning_modules.checkpoint import LAST, WholeFileIO, write_weights
from lightning_modules.datamodule import StageData
from lightning_modules.keeping import Keeper
from lightning_modules.launcher import end_with_parent
from lightning_modules.ledger import Diverged
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

REFUSED = 2
_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Leaves stderr to this program: Lightning advertises, and warns of what is done here on purpose."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # how Lightning uses torch
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def main(arguments: list[str]) -> int:
    """Runs the spec that the one argument names; returns the exit status."""
    end_with_parent()  # of torchrun, or of whoever runs this by hand
    try:
        spec = TrainSpec.model_validate_json(Path(arguments[0]).read_text(encoding="utf-8"))
        torch.set_num_threads(spec.hardware.threads)
        module, data = StageModule(spec), StageData(spec)
        data.check()
    except (ValueError, FileNotFoundError) as error:
        return _refuse(error)
    try:
        train(module, data)
    except Diverged as error:
        return _refuse(error)
    return 0


@_quiet_libraries()
def train(module: StageModule, data: StageData) -> None:
    """Trains a stage from its start or its checkpoint to its end, validates before and after, writes the weights."""
    spec = module.spec
    checkpoint = spec.work / LAST
    keeper = None if spec.stage.selection is None else Keeper(spec, data)
    recorder = StageRecorder(spec, keeper)
    trainer = _trainer(spec, recorder)
    if checkpoint.exists():
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    else:
        recorder.start(trainer)
        _validate(trainer, module, data, recorder, {f"data/{name}": value for name, value in data.statistics.items()})
        trainer.fit(module, datamodule=data)
    reach("train/trained")
    if keeper is None:
        _validate(trainer, module, data, recorder)
    if not trainer.is_global_zero:
        return
    if keeper is not None:
        keeper.restore(module)
    write_weights(module, None if keeper is None else keeper.selection.record())


def _validate(
    trainer: pl.Trainer,
    module: StageModule,
    data: StageData,
    recorder: StageRecorder,
    beside: Mapping[str, float] | None = None,
) -> None:
    trainer.validate(module, datamodule=data, verbose=False)
    recorder.write(trainer, module, module.validation_metrics | dict(beside or {}))


def _trainer(spec: TrainSpec, recorder: StageRecorder) -> pl.Trainer:
    """Returns Lightning's loop with all that this project does itself switched off."""
    hardware = spec.hardware
    # Named, because Lightning's guess takes an interactive SLURM shell for a cluster job.
    environment = TorchElasticEnvironment() if TorchElasticEnvironment.detect() else LightningEnvironment()
    return pl.Trainer(
        accelerator={"cpu": "cpu", "cuda": "gpu"}[hardware.accelerator],
        devices=hardware.devices,
        strategy=_ddp(hardware.accelerator) if hardware.strategy == "ddp" else "auto",
        precision=_PRECISIONS[hardware.precision],  # type: ignore[arg-type]
        deterministic=hardware.deterministic and hardware.accelerator == "cuda",
        max_steps=spec.steps,
        check_val_every_n_epoch=None,
        val_check_interval=spec.steps + 1,  # never within `fit`: validation is asked for, before and after
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        inference_mode=False,  # a table cached in inference mode could not be used in training
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[recorder],
        plugins=[WholeFileIO(), environment],
        default_root_dir=spec.work,
    )


def _ddp(accelerator: str) -> DDPStrategy:
    return DDPStrategy(
        # The last micro-batch of a step does not use everything: not another objective's head, nor the segment table.
        find_unused_parameters=True,
        broadcast_buffers=False,
        process_group_backend="nccl" if accelerator == "cuda" else "gloo",
    )


def _refuse(error: Exception) -> int:
    if isinstance(error, ValidationError):
        places = [".".join(map(str, detail["loc"])) + ": " + detail["msg"] for detail in error.errors()]
        error = ValueError("; ".join(places))
    sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
