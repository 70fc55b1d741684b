"""A tracking store of its own for each test, and models so small that they need no training."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from safetensors.torch import save_file

from data.document import CORPUS_SCHEMA
from data.tokenizer import TokenizerConfig, train_tokenizer
from data.vocabulary import SPECIALS
from flows.tracking.client import connect
from flows.tracking.settings import TrackingSettings
from lightning_modules.networks import ModelConfig, Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty database: making one takes seconds."""
    store = tmp_path_factory.mktemp("migrated")
    connect(TrackingSettings(store=store)).search_experiments()
    return (store / "mlflow.db").read_bytes()


@pytest.fixture
def settings(migrated: bytes, tmp_path: Path) -> TrackingSettings:
    (tmp_path / "mlflow.db").write_bytes(migrated)
    return TrackingSettings(store=tmp_path)


@pytest.fixture
def client(settings: TrackingSettings) -> MlflowClient:
    return connect(settings)


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `tokenizer` artifact, learned from made-up words and some Chinese."""
    corpus, output = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("tokenizer")
    syllables = ("ka", "lo", "mi", "ne", "ru", "sa", "to", "vi", "be", "du")
    words = [first + second + third for first in syllables for second in syllables for third in syllables]
    texts = [" ".join(words[start : start + 25]) for start in range(0, len(words), 25)] + [
        "今天天气很好。",
        "明天会下雨。",
    ]
    rows = [
        dict.fromkeys(CORPUS_SCHEMA.names, "toy")
        | {"text": text, "language": "zh" if "天" in text else "en", "tags": []}
        for text in texts
    ]
    for split in ("train", "validation", "test"):
        (corpus / split).mkdir()
        pq.write_table(pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA), corpus / split / "part-00000.parquet")
    train_tokenizer(TokenizerConfig(algorithm="bpe", vocab_size=512), corpus, output, seed=1)
    return output


@pytest.fixture
def weights(tokenizer: Path, tmp_path: Path) -> Callable[..., Path]:
    """Returns what writes an untrained weights folder; with `classes`, one of a classifier."""

    def write(name: str = "weights", *, classes: int = 0) -> Path:
        folder = tmp_path / "artifacts" / name
        folder.mkdir(parents=True)
        config = ModelConfig(
            vocab_size=512,
            hidden_size=16,
            num_layers=1,
            num_heads=2,
            num_kv_heads=2,
            intermediate_size=32,
            max_positions=32,
        )
        heads, uses = {}, {"causal_lm": {"objective": "causal_lm"}}
        if classes:
            settings = ClassificationConfig(classes=classes)
            head = Classification(settings, config, SPECIALS)
            heads = {f"mood.{key}": tensor for key, tensor in head.state_dict().items()}
            uses = {"mood": {"objective": "classification", **settings.model_dump()}}
        (folder / "config.json").write_text(config.model_dump_json())
        save_file(Trunk(config, seed=3).state_dict(), folder / "model.safetensors")
        save_file(heads, folder / "heads.safetensors")
        digest = json.loads((tokenizer / "tokenizer.json").read_text())["sha256"]
        (folder / "stage.json").write_text(json.dumps({"objectives": uses, "tokenizer_sha256": digest}))
        return folder

    return write
