"""What the training loop costs: StageLM's step through Lightning against a bare PyTorch loop over the same batches.

    python benchmarks/loop.py [--rounds 6] [--steps 8]

Both train the demo's model (width 128, 4 layers, 8,192 positions a step) on made-up tokens, in alternation, A B A B,
in one process, so that a busy machine is busy for both. A round's figure is the time from the end of its first step to
the end of its last; the ratio of the two is taken per round. Above 0.97 is the aim; the bare loop neither logs nor
counts nor checks anything.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.nn.utils import clip_grad_norm_

from data.vocabulary import SPECIALS, VOCABULARY_FILE, special_piece
from lightning_modules import train
from lightning_modules.callbacks import StageRecorder
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

VOCABULARY, LENGTH, ROWS, MICRO_BATCHES = 8192, 256, 16, 2


def made_up_text(folder: Path) -> None:
    """Writes a tokenizer's vocabulary and tokens of random documents."""
    pieces = [special_piece(name) for name in SPECIALS.by_name()]
    pieces += [f"\u2581{index}" for index in range(VOCABULARY - len(pieces))]
    (folder / VOCABULARY_FILE).write_text(json.dumps(pieces))
    random = np.random.default_rng(0)
    for split, documents in (("train", 400), ("validation", 20)):
        lengths = random.integers(200, 2000, documents)
        random.integers(SPECIALS.count, VOCABULARY, lengths.sum()).astype(np.uint16).tofile(folder / f"{split}.bin")
        np.save(folder / f"{split}.offsets.npy", np.concatenate(([0], lengths.cumsum())))
        np.save(folder / f"{split}.bytes.npy", lengths)
    (folder / "tokens.json").write_text(json.dumps({"vocab_size": VOCABULARY, "tokenizer_sha256": ""}))


def made_up_spec(folder: Path, steps: int) -> TrainSpec:
    """Returns a stage of half causal, half masked modelling."""
    objectives = {"causal_lm": {"share": 0.5}, "masked_lm": {"share": 0.5}}
    return TrainSpec.model_validate(
        {
            "name": "benchmark",
            "work": folder / "work",
            "output": folder / "output",
            "tokenizer": folder,
            "model": {
                "vocab_size": VOCABULARY, "hidden_size": 128, "num_layers": 4, "num_heads": 4, "num_kv_heads": 4,
                "intermediate_size": 384, "max_positions": LENGTH,
            },
            "init": None,
            "data": {"sources": [{"path": folder, "share": 1.0}], "kind": "shards"},
            "stage": {"tokens": steps * 8192, "objectives": objectives, "peak_lr": 1e-3, "sequence_length": LENGTH},
            "adapter": {"method": "full"},
            "steps": steps,
            "micro_batch_size": ROWS,
            "micro_batches": MICRO_BATCHES,
            "tokens_before": 0,
            "hardware": resolve(HardwareConfig()).model_dump(),
            "seed": 0,
            "checkpoint_steps": 10**6,
        }
    )  # fmt: skip


class Clock(pl.Callback):
    """Notes when each step has ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())


def through_lightning(spec: TrainSpec) -> float:
    """Returns the seconds of all steps but the first."""
    recorder, clock = StageRecorder(spec), Clock()
    trainer = train._trainer(spec, recorder)
    trainer.callbacks.insert(0, clock)  # type: ignore[attr-defined]  # set by a connector
    recorder.start(trainer)
    trainer.fit(StageModule(spec), datamodule=StageData(spec))
    return clock.ends[-1] - clock.ends[0]


def bare(spec: TrainSpec) -> float:
    """Returns the seconds of all steps but the first, in a loop as one would write it by hand."""
    module, loader = StageModule(spec), StageData(spec).train_dataloader()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
    ends = []
    for step in loader:
        for micro in step.micro_batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=spec.hardware.precision == "bf16"):
                terms = module.objectives[micro.objective](module.trunk, micro.batch)
                loss = sum(term.loss_sum / term.count for term in terms.values()) / len(step.micro_batches)
            loss.backward()
        clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ends.append(time.perf_counter())
    return ends[-1] - ends[0]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=8, help="of a round, the first not counted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, train._quiet_libraries():
        folder = Path(name)
        made_up_text(folder)
        spec = made_up_spec(folder, arguments.steps + 1)
        positions = arguments.steps * MICRO_BATCHES * ROWS * LENGTH
        ratios = []
        for number in range(1, arguments.rounds + 1):
            seconds = {"bare": bare(spec), "stagelm": through_lightning(spec)}
            ratios.append(seconds["bare"] / seconds["stagelm"])
            rates = ", ".join(f"{who} {positions / taken:,.0f} tokens/s" for who, taken in seconds.items())
            print(f"round {number}: {rates}, ratio {ratios[-1]:.3f}", flush=True)
    hardware = f"{spec.hardware.precision}, {spec.hardware.threads} threads"
    print(f"stagelm / bare, {hardware}: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
