"""A tiny bilingual tokenizer, a corpus with its tokens, and a sitting before networks that were never trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from data.document import CORPUS_SCHEMA, sha256_hex
from data.shards import write_shards
from data.tasks.build import SCHEMA
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer
from lightning_modules.exams.base import Sitting
from lightning_modules.hardware import Hardware
from lightning_modules.networks import ModelChoice, Trunk

HARDWARE = Hardware(
    accelerator="cpu", devices=1, strategy="single", precision="fp32", threads=1, global_batch_tokens=256,
    micro_batch_tokens=256, compile=False, deterministic=True,
)  # fmt: skip
VOCABULARY = 540
CLASSES = ("calm", "loud")
WORDS = [first + middle + end for first in "kmtrsp" for middle in ("ala", "eno", "iru") for end in ("ala", "osta")]
字 = "农民医生老师水手画家市场港口学校花园村庄在里去来看见"


def documents(count: int, seed: int, longest: int) -> list[str]:
    """Every third is Chinese."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        length = int(random.integers(longest // 2, longest))
        chinese = number % 3 == 2
        made.append(
            ("" if chinese else " ").join(random.choice(list(字) if chinese else WORDS, length)) + ".。"[chinese]
        )
    return made


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus, tokenizer, tokens and weights."""
    root = tmp_path_factory.mktemp("exams")
    for split, count, longest in (("train", 60, 60), ("validation", 4, 60), ("test", 12, 90)):
        rows = [
            {"id": sha256_hex(text), "text": text, "title": None, "source": "zh" if number % 3 == 2 else "en"}
            | {"language": "en", "origin": "", "licence": ""}
            for number, text in enumerate(documents(count, count, longest))
        ]
        (root / "corpus" / split).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, CORPUS_SCHEMA), root / "corpus" / split / "part-00000.parquet")
    for name in ("tokenizer", "tokens", "weights", "examples"):
        (root / name).mkdir()
    train_tokenizer(
        TokenizerConfig(algorithm="unigram", vocab_size=VOCABULARY), root / "corpus", root / "tokenizer", seed=0
    )
    tokenizer = Tokenizer.load(root / "tokenizer")
    write_shards(root / "corpus", tokenizer, root / "tokens")
    config = ModelChoice(preset="micro").resolve(vocab_size=tokenizer.vocab_size, sequence_length=32)
    (root / "weights" / "config.json").write_text(config.model_dump_json())
    (root / "weights" / "stage.json").write_text(json.dumps({"tokenizer_sha256": tokenizer.sha256, "objectives": {}}))
    save_file(Trunk(config, 0).state_dict(), root / "weights" / "model.safetensors")
    write_examples(root / "examples")
    return root


def write_examples(folder: Path) -> None:
    """Two classes, of texts that have nothing to do with them."""
    for split, count in (("train", 24), ("validation", 4), ("test", 10)):
        texts = documents(count, count + 100, 14)
        rows = [
            {"id": f"{split}{number}", "group": f"g{number}", "input": text, "target": CLASSES[number % 2]}
            | {"others": [], "details": "{}", "label": number % 2}
            for number, text in enumerate(texts)
        ]
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / f"{split}.parquet")
    task = {"answers": "class", "labels": list(CLASSES), "language": "en", "target_language": "en"}
    (folder / "task.json").write_text(json.dumps(task))


@pytest.fixture
def tokenizer(folders: Path) -> Tokenizer:
    return Tokenizer.load(folders / "tokenizer")


@pytest.fixture
def trunk(folders: Path) -> Trunk:
    """A network with random weights."""
    config = ModelChoice(preset="micro").resolve(vocab_size=VOCABULARY, sequence_length=32)
    return Trunk(config, 0).eval()


@pytest.fixture
def uniform(trunk: Trunk) -> Trunk:
    """A network that finds every token equally probable, whatever stands around it."""
    torch.nn.init.zeros_(trunk.model.embed_tokens.weight)
    return trunk


@pytest.fixture
def sit(folders: Path, tokenizer: Tokenizer, tmp_path: Path) -> Callable[..., Sitting]:
    """Returns a sitting before these networks, the first under test; keywords replace fields."""

    def make(*networks: Trunk, **changes: Any) -> Sitting:
        fields: dict[str, Any] = {
            "networks": dict(zip(("pretrained", "untrained"), networks, strict=False)),
            "tokenizer": tokenizer,
            "root": tmp_path,
            "folders": {name: folders / name for name in ("tokens", "corpus", "examples", "weights", "tokenizer")},
            "sequence_length": 32,
            "hardware": HARDWARE,
            "seed": 3,
            "resamples": 100,
            "progress": lambda system, done, total: None,
        }
        return Sitting(**fields | changes)

    return make
