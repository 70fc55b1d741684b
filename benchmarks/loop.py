"""What the training loop costs: StageLM's step through Lightning against a bare PyTorch step over the same batch.

    python -m benchmarks.loop [--steps 40] [--threads 2]

Both train the demo's model (width 128, 4 layers, 8,192 positions a step) on made-up tokens, one step each in turn, in
one process, so that a busy machine is busy for both. A step is counted with the loading of its batch. The bare one
neither logs nor counts nor checks anything. The aim is a ratio of at least 0.97.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from benchmarks.alternation import OURS, Alternation, fit
from benchmarks.made_up import stage_spec, write_text
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice
from lightning_modules.spec import TrainSpec

VOCABULARY, LENGTH, ROWS, MICRO_BATCHES = 8192, 256, 16, 2
WARM_UP = 2
OBJECTIVES = {"causal_lm": {"share": 0.5}, "masked_lm": {"share": 0.5}}


class BareLoop:
    """The stage's own network and objectives in a step as one would write it by hand."""

    def __init__(self, spec: TrainSpec) -> None:
        self.module, self.loader = StageModule(spec), StageData(spec).train_dataloader()
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=1e-3, fused=True)
        self.autocast = spec.hardware.precision == "bf16"

    def step(self, number: int) -> None:
        """Loads a step's micro-batches and learns from them."""
        step = self.loader.step(number)
        for micro in step.micro_batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
                terms = self.module.objectives[micro.objective](self.module.trunk, micro.batch)
                loss = sum(term.loss_sum / max(term.count, 1) for term in terms.values()) / len(step.micro_batches)
            loss.backward()
        clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def main() -> None:
    """Measures and prints."""
    arguments = parser().parse_args()
    hardware = resolve(HardwareConfig(accelerator="cpu", threads=arguments.threads))
    model = ModelChoice(preset="tiny").resolve(VOCABULARY, LENGTH)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder, VOCABULARY, np.random.default_rng(0).integers(200, 2000, 400))
        spec = stage_spec(
            folder, model, {"objectives": OBJECTIVES}, hardware,
            steps=arguments.steps, rows=ROWS, micro_batches=MICRO_BATCHES,
        )  # fmt: skip
        alternation = Alternation({"bare": BareLoop(spec).step})
        fit(spec, [alternation])
    seconds = {name: turns[WARM_UP:] for name, turns in alternation.seconds.items()}
    for name in ("bare", OURS):
        print(
            f"{name:8} {MICRO_BATCHES * ROWS * LENGTH / statistics.median(seconds[name]):8,.0f} tokens/s (median step)"
        )
    ratios = sorted(bare / ours for bare, ours in zip(seconds["bare"], seconds[OURS], strict=True))
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    print(f"stagelm / bare, {hardware.precision}, {hardware.threads} threads, {len(ratios)} pairs of steps:")
    print(f"median {statistics.median(ratios):.3f}, middle half {low:.3f} to {high:.3f}")


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, help="as many as torch takes, unless given")
    return parser


if __name__ == "__main__":
    main()
