"""Opens what an exam needs, runs it, and writes its `scores` artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch

from data.tokenizer import Tokenizer
from lightning_modules.exams.base import SUBJECT, UNTRAINED, Results, Sitting
from lightning_modules.exams.spec import ExamineSpec
from lightning_modules.networks import Trunk
from lightning_modules.scoring.spec import SystemRef
from lightning_modules.scoring.systems import open_system


def examine(spec: ExamineSpec, progress: Callable[[str, int, int], None]) -> Results:
    """Runs the exam on the network and on one of its shape with random weights.

    Raises:
        ValueError: the parts do not fit together, or the exam's material cannot be used.
    """
    tokenizer = Tokenizer.load(spec.tokenizer)
    subject = open_system(SystemRef(weights=spec.weights), spec.hardware, tokenizer.sha256)
    untrained = Trunk(subject.config, spec.seed).to(spec.hardware.accelerator).eval()
    before = state_sha256(subject)
    results = spec.exam.run(
        Sitting(
            networks={SUBJECT: subject, UNTRAINED: untrained},
            tokenizer=tokenizer,
            root=spec.root,
            folders={**spec.folders, "weights": spec.weights, "tokenizer": spec.tokenizer},
            sequence_length=spec.sequence_length,
            hardware=spec.hardware,
            seed=spec.seed,
            resamples=spec.resamples,
            progress=progress,
        )
    )
    if (after := state_sha256(subject)) != before:
        raise RuntimeError(f"exam {spec.name}: it changed the weights that it was to examine, {before} to {after}")
    hashes = {"parameters_sha256_before": before, "parameters_sha256_after": after}
    return replace(results, facts={**results.facts, **hashes})


def state_sha256(trunk: Trunk) -> str:
    """Returns a hash of every parameter and buffer, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(trunk.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def beside_scores(results: Results) -> dict[str, Any]:
    """Returns what an exam adds to `scores.json`."""
    return {
        "target_language": results.language,
        "labels": list(results.labels),
        "facts": dict(results.facts),
        "tables": [asdict(table) for table in results.tables],
        "curves": [asdict(curve) for curve in results.curves],
    }
