"""A micro stage: a vocabulary, a few hundred documents and a spec, all made up, trained in a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.vocabulary import SPECIALS, VOCABULARY_FILE, special_piece
from lightning_modules.spec import TrainSpec

VOCABULARY = 64
MODEL = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "num_layers": 2, "num_heads": 2, "num_kv_heads": 2,
    "intermediate_size": 32, "max_positions": 32,
}  # fmt: skip
BOTH = {"forward": {"objective": "causal_lm", "share": 0.5}, "cloze": {"objective": "masked_lm", "share": 0.5}}
STAGE = {"tokens": 6 * 256, "objectives": BOTH, "peak_lr": 1e-2, "sequence_length": 32, "validation_tokens": 256}
HARDWARE = {
    "accelerator": "cpu", "devices": 1, "strategy": "single", "precision": "fp32", "threads": 1,
    "global_batch_tokens": 256, "micro_batch_tokens": 64, "compile": False, "deterministic": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tokenizer` and `tokens`."""
    folder = tmp_path_factory.mktemp("artifacts")
    tokenizer, tokens = folder / "tokenizer", folder / "tokens"
    tokenizer.mkdir()
    tokens.mkdir()
    pieces = [special_piece(name) for name in SPECIALS.by_name()]
    pieces += [f"\u2581{'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'[index]}." for index in range(VOCABULARY - len(pieces))]
    (tokenizer / VOCABULARY_FILE).write_text(json.dumps(pieces))
    (tokenizer / "tokenizer.json").write_text(json.dumps({"sha256": "0" * 64}))
    random = np.random.default_rng(0)
    for split, documents in (("train", 120), ("validation", 30), ("test", 5)):
        lengths = random.integers(5, 60, documents)
        ids = random.integers(SPECIALS.count, VOCABULARY, lengths.sum()).astype(np.uint16)
        ids.tofile(tokens / f"{split}.bin")
        np.save(tokens / f"{split}.offsets.npy", np.concatenate(([0], lengths.cumsum())))
        np.save(tokens / f"{split}.bytes.npy", lengths * 2)
    sources = {"train": [["news", 70], ["tweets", 50]], "validation": [["news", 20], ["tweets", 10]]}
    (tokens / "tokens.json").write_text(
        json.dumps({"vocab_size": VOCABULARY, "tokenizer_sha256": "0" * 64, "counts": {}, "sources": sources})
    )
    return folder


@pytest.fixture
def make_spec(artifacts: Path, tmp_path: Path) -> Callable[..., TrainSpec]:
    """Returns a spec of six steps of four micro-batches; keywords replace fields, `stage` and `hardware` in part."""

    def make(name: str = "a", **changes: Any) -> TrainSpec:
        fields: dict[str, Any] = {
            "name": f"pretraining/{name}",
            "work": tmp_path / name / "work",
            "output": tmp_path / name / "output",
            "tokenizer": artifacts / "tokenizer",
            "model": MODEL,
            "init": None,
            "data": {"kind": "shards", "sources": [{"path": artifacts / "tokens", "share": 1.0}]},
            "adapter": {"method": "full"},
            "steps": 6,
            "micro_batch_size": 2,
            "micro_batches": 4,
            "tokens_before": 0,
            "seed": 1,
            "log_steps": 2,
            "checkpoint_steps": 2,
        }
        partly = {"stage": STAGE | changes.pop("stage", {}), "hardware": HARDWARE | changes.pop("hardware", {})}
        return TrainSpec.model_validate(fields | partly | changes)

    return make
