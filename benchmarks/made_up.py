"""Text that means nothing, and stages that train on it: speed needs neither a corpus nor a trained tokenizer.

Shapes: D documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.packing import Ints
from data.views import VIEWS
from data.vocabulary import SPACE, SPECIALS, VOCABULARY_FILE, special_piece
from lightning_modules.hardware import Hardware
from lightning_modules.networks import ModelConfig
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.spec import TrainSpec

_SENTENCE_END_EVERY, _CONTINUATION_EVERY = 16, 4
_FLATTENING = 10
"""Probabilities fall as 1 / (rank + this): losses fall within a few steps, and no token is most of the text."""

NEEDED: dict[str, dict[str, Any]] = {"blank_infilling": {"span_positions": 41}, "contrastive": {"dropout": 0.1}}
"""Objective -> what it needs of a network that others do without."""


def write_artifacts(folder: Path, pieces: Sequence[str], splits: Mapping[str, Sequence[Ints]]) -> None:
    """Writes into one folder what a stage reads: a tokenizer's vocabulary and the tokens of each split's documents.

    Args:
        folder: is made.
        pieces: of the text; the specials are put before them.
        splits: 'train' and 'validation' -> documents.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*map(special_piece, SPECIALS.by_name()), *pieces]
    (folder / VOCABULARY_FILE).write_text(json.dumps(vocabulary), encoding="utf-8")
    for split, documents in splits.items():
        lengths_D = np.array([len(document) for document in documents])
        np.concatenate(documents).astype(np.uint16).tofile(folder / f"{split}.bin")
        np.save(folder / f"{split}.offsets.npy", np.concatenate(([0], lengths_D.cumsum())))
        np.save(folder / f"{split}.bytes.npy", lengths_D)
    (folder / "tokens.json").write_text(json.dumps({"vocab_size": len(vocabulary), "tokenizer_sha256": ""}))


def write_text(folder: Path, vocab_size: int, lengths_D: Ints) -> None:
    """Writes random documents of these lengths in tokens, with words of one and more pieces, and sentences."""
    entries = vocab_size - SPECIALS.count
    random = np.random.default_rng(0)
    weights = 1.0 / (np.arange(entries) + _FLATTENING)
    tokens = SPECIALS.count + random.choice(entries, int(lengths_D.sum()), p=weights / weights.sum())
    documents = np.split(tokens, lengths_D.cumsum()[:-1])
    write_artifacts(folder, list(map(_piece, range(entries))), {"train": documents, "validation": documents[:20]})


def _piece(index: int) -> str:
    start = "" if index % _CONTINUATION_EVERY == 1 else SPACE
    return f"{start}{index}{'.' if index % _SENTENCE_END_EVERY == 0 else ''}"


def whole_rows(sequence_length: int, documents: int) -> Ints:
    """Returns lengths of documents that fill one to four rows each, so that no row is shared and none needs a mask."""
    cut = sequence_length - 1  # tokens of a row after its bos; the last row holds one fewer, and eos
    return np.random.default_rng(0).integers(4, size=documents) * cut + cut - 1


def running_text() -> list[str]:
    """Returns the objectives that train on running text, as the index has them today."""
    return [name for name in OBJECTIVES if "windows" in VIEWS[name].reads]


def network(model: ModelConfig, objectives: Iterable[str]) -> ModelConfig:
    """Returns the network with what these objectives need of it."""
    needed = {key: value for name in objectives for key, value in NEEDED.get(name, {}).items()}
    return ModelConfig.model_validate(model.model_dump() | needed)


def stage_spec(
    folder: Path,
    model: ModelConfig,
    stage: Mapping[str, Any],
    hardware: Hardware,
    *,
    steps: int,
    rows: int,
    micro_batches: int,
    seed: int = 0,
) -> TrainSpec:
    """Returns one stage on the artifacts in `folder`.

    Args:
        folder: of `write_artifacts`; the stage works in folders below it.
        model: its `max_positions` are the positions of a row.
        stage: `objectives`, `peak_lr` and whatever else differs from a stage's defaults.
        hardware: what it trains on.
        steps: optimizer steps.
        rows: of a micro-batch.
        micro_batches: of a step.
        seed: of weights, order and noise.
    """
    tokens = steps * micro_batches * rows * model.max_positions
    return TrainSpec.model_validate(
        {
            "name": "benchmark",
            "work": folder / "work",
            "output": folder / "output",
            "tokenizer": folder,
            "model": model,
            "init": None,
            "data": {"sources": [{"path": folder, "share": 1.0}], "kind": "shards"},
            "stage": {"tokens": tokens, "sequence_length": model.max_positions, "peak_lr": 1e-3, **stage},
            "adapter": {"method": "full"},
            "steps": steps,
            "micro_batch_size": rows,
            "micro_batches": micro_batches,
            "tokens_before": 0,
            "hardware": hardware,
            "seed": seed,
            "checkpoint_steps": 10**6,
        }
    )
