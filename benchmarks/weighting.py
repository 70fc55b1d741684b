"""What each weighting does for a starved objective, against the controls `static` and `random`, at equal steps.

    python benchmarks/weighting.py [--seeds 8] [--steps 150]

A small model learns text of a made-up language by causal and by masked modelling; the recipe gives masked modelling a
fifth of the micro-batches and a fifth of the weight. Measured on validation text: the share of an objective's first
loss that is left at the end, of the worse objective and of both in the mean. Differences from `static` are paired by
seed, with the 95 % interval of Student's t; a weighting that does not beat `random` has learnt nothing from the losses.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from data.vocabulary import SPECIALS, VOCABULARY_FILE, special_piece
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec
from lightning_modules.weighting import WEIGHTINGS

VOCABULARY, LENGTH, ROWS, MICRO_BATCHES = 128, 64, 8, 5
OBJECTIVES = {"causal_lm": {"share": 0.8}, "masked_lm": {"share": 0.2, "weight": 0.2}}


def made_up_text(folder: Path) -> None:
    """Writes a tokenizer's vocabulary and a text in which most tokens have a favourite successor."""
    pieces = [special_piece(name) for name in SPECIALS.by_name()]
    pieces += [f"\u2581{index}" for index in range(VOCABULARY - len(pieces))]
    (folder / VOCABULARY_FILE).write_text(json.dumps(pieces))
    (folder / "tokenizer.json").write_text(json.dumps({"sha256": ""}))
    (folder / "tokens.json").write_text(json.dumps({"vocab_size": VOCABULARY, "tokenizer_sha256": ""}))
    random = np.random.default_rng(0)
    favourite = random.permutation(VOCABULARY - SPECIALS.count)
    for split, documents in (("train", 2000), ("validation", 100)):
        words = random.integers(0, len(favourite), (documents, LENGTH))
        for place in range(1, LENGTH):
            follows = random.random(documents) < 0.8
            words[follows, place] = favourite[words[follows, place - 1]]
        (words + SPECIALS.count).astype(np.uint16).tofile(folder / f"{split}.bin")
        np.save(folder / f"{split}.offsets.npy", np.arange(documents + 1) * LENGTH)
        np.save(folder / f"{split}.bytes.npy", np.full(documents, 2 * LENGTH))


def share_left(folder: Path, method: str, seed: int, steps: int) -> list[float]:
    """Trains once; returns of each objective the share of its first validation loss that is left at the end."""
    fast = {"update_every_steps": 5} if method not in ("static", "uncertainty") else {}
    work = folder / f"{method}-{seed}"
    shape = {"hidden_size": 64, "num_layers": 2, "num_heads": 2, "num_kv_heads": 2, "intermediate_size": 128}
    spec: dict[str, Any] = {
        "name": "benchmark",
        "work": work,
        "output": work / "output",
        "tokenizer": folder,
        "model": shape | {"vocab_size": VOCABULARY, "max_positions": LENGTH},
        "init": None,
        "data": {"kind": "shards", "sources": [{"path": folder, "share": 1.0}]},
        "stage": {
            "tokens": steps * MICRO_BATCHES * ROWS * LENGTH,
            "objectives": OBJECTIVES,
            "weighting": {"method": method, **fast},
            "peak_lr": 3e-3,
            "sequence_length": LENGTH,
            "validation_tokens": 100 * LENGTH,
        },
        "adapter": {"method": "full"},
        "steps": steps,
        "micro_batch_size": ROWS,
        "micro_batches": MICRO_BATCHES,
        "tokens_before": 0,
        "hardware": resolve(HardwareConfig(accelerator="cpu", precision="fp32", threads=1)).model_dump(),
        "seed": seed,
        "checkpoint_steps": 10**6,
    }
    module = StageModule(TrainSpec.model_validate(spec))
    train.train(module, StageData(module.spec))
    first = json.loads((work / "metrics.jsonl").read_text().splitlines()[0])["metrics"]
    return [module.validation_metrics[name] / first[name] for name in (f"validation/{use}/loss" for use in OBJECTIVES)]


def against(ours: np.ndarray, control: np.ndarray) -> str:
    """Returns the mean paired difference with its interval."""
    difference = ours - control
    half = student.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / len(difference) ** 0.5
    return f"{difference.mean():+.4f} ({difference.mean() - half:+.4f} .. {difference.mean() + half:+.4f})"


def main() -> None:
    """Trains every weighting from every seed and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        made_up_text(Path(name))
        left = {
            method: np.array([share_left(Path(name), method, s, arguments.steps) for s in range(arguments.seeds)])
            for method in sorted(WEIGHTINGS)
        }
    print(f"{'':18}{'worse':>7}  {'against static':28}{'mean':>7}  against static")
    for method, left_SK in left.items():
        worse, mean = left_SK.max(1), left_SK.mean(1)
        versus = against(worse, left["static"].max(1)), against(mean, left["static"].mean(1))
        print(f"{method:18}{worse.mean():7.4f}  {versus[0]:28}{mean.mean():7.4f}  {versus[1]}")


if __name__ == "__main__":
    main()
