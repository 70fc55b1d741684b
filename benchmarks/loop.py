"""What the training loop costs: StageLM's step through Lightning against a bare PyTorch step over the same batch.

    python benchmarks/loop.py [--steps 40] [--threads 2]

Both train the demo's model (width 128, 4 layers, 8,192 positions a step) on made-up tokens, one step each in turn, in
one process, so that a busy machine is busy for both. A step is counted with the loading of its batch. The bare one
neither logs nor counts nor checks anything. The aim is a ratio of at least 0.97.
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


def made_up_spec(folder: Path, steps: int, threads: int | None) -> TrainSpec:
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
            "hardware": resolve(HardwareConfig(threads=threads)).model_dump(),
            "seed": 0,
            "checkpoint_steps": 10**6,
        }
    )  # fmt: skip


class Alternation(pl.Callback):
    """Runs a bare step, as one would write it by hand, after each of Lightning's, and times both."""

    def __init__(self, spec: TrainSpec) -> None:
        self.module, self.loader = StageModule(spec), StageData(spec).train_dataloader()
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=1e-3, fused=True)
        self.autocast = spec.hardware.precision == "bf16"
        self.seconds: dict[str, list[float]] = {"stagelm": [], "bare": []}
        self.mark = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._take("stagelm")
        self._bare_step(batch_idx)
        self._take("bare")

    def _take(self, who: str) -> None:
        now = time.perf_counter()
        self.seconds[who].append(now - self.mark)
        self.mark = now

    def _bare_step(self, number: int) -> None:
        step = self.loader.step(number)
        for micro in step.micro_batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
                terms = self.module.objectives[micro.objective](self.module.trunk, micro.batch)
                loss = sum(term.loss_sum / term.count for term in terms.values()) / len(step.micro_batches)
            loss.backward()
        clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, help="as many as torch takes, unless given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, train._quiet_libraries():
        folder = Path(name)
        made_up_text(folder)
        spec = made_up_spec(folder, arguments.steps, arguments.threads)
        torch.set_num_threads(spec.hardware.threads)
        recorder, alternation = StageRecorder(spec), Alternation(spec)
        trainer = train._trainer(spec, recorder)
        trainer.callbacks.insert(0, alternation)  # type: ignore[attr-defined]  # set by a connector
        recorder.start(trainer)
        trainer.fit(StageModule(spec), datamodule=StageData(spec))
    positions = MICRO_BATCHES * ROWS * LENGTH
    pairs = list(zip(alternation.seconds["bare"], alternation.seconds["stagelm"], strict=True))[2:]  # warm by then
    ratios = sorted(bare / ours for bare, ours in pairs)
    for index, who in enumerate(("bare", "stagelm")):
        print(f"{who:8} {positions / statistics.median(pair[index] for pair in pairs):8,.0f} tokens/s (median step)")
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    print(f"stagelm / bare, {spec.hardware.precision}, {spec.hardware.threads} threads, {len(pairs)} pairs of steps:")
    print(f"median {statistics.median(ratios):.3f}, middle half {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
