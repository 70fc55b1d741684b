"""A tokenizer of each algorithm, and weights far from their first values, so that a mistake shows in the logits."""

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
from data.tokenizer import TokenizerConfig, train_tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.export.writing import Source
from lightning_modules.networks import ModelChoice, ModelConfig, Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig

CODE = "def read(path):\n    with open(path) as file:\n        return file.read()\n\n\n    # nothing left"
字 = "港口很安静渔民把船拉到沙滩上孩子们站在岸边看的"
LABELS = ("calm", "喧闹", "neither")


def documents() -> list[str]:
    """English-looking and Chinese sentences with runs of signs and of spaces, and a little code."""
    random = np.random.default_rng(0)
    ends = ("ala", "eno", "iru", "osta", "unde")
    words = ["the", *(first + middle + end for first in "kmtrspbd" for middle in ends for end in ends)]
    made = [CODE] * 10
    for _ in range(300):
        line = " ".join(random.choice(words, 6))
        made.append(f"{line.capitalize()} in {random.integers(2000)}{random.choice(['.', '...', '!!!!', '   '])}")
        made.append("".join(random.choice(list(字), 9)) + random.choice(["。", "。。。", "！！！！", "？"]))
    return made


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> `tokenizer` artifact: both algorithms, and one that changes texts."""
    root = tmp_path_factory.mktemp("tokenizers")
    for split in ("train", "validation", "test"):
        rows = [
            {"id": sha256_hex(text), "text": text, "title": None, "source": "toy", "language": "en"}
            | {"origin": "", "licence": ""}
            for text in documents()
        ]
        (root / "corpus" / split).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, CORPUS_SCHEMA), root / "corpus" / split / "part-00000.parquet")
    for name, choice in (
        ("unigram", {}),
        ("bpe", {"algorithm": "bpe"}),
        ("symbols", {"user_symbols": ("<br>", "<br/>", "渔")}),
        ("nfkc", {"normalization": "nfkc"}),
    ):
        (root / name).mkdir()
        train_tokenizer(TokenizerConfig(vocab_size=520, **choice), root / "corpus", root / name, seed=0)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def features() -> dict[str, dict[str, Any]]:
    """Target -> what a network must have that it is there for; of the others, nothing."""
    return {
        "qwen3": {"qk_norm": True},
        "mistral": {"attention_window": 4},
        "mixtral": {"experts": 3, "experts_per_token": 2, "attention_window": 4},
    }


@pytest.fixture
def make_source(tokenizers: dict[str, Path], tmp_path: Path) -> Callable[..., Source]:
    """Returns a classifier's weights with three classes; keywords change the network."""

    def make(name: str = "weights", pooling: str = "mean", **choice: Any) -> Source:
        numbers = {"preset": "micro", "num_layers": 2, "num_kv_heads": 1, "rope_theta": 500.0, "rms_norm_eps": 1e-4}
        config = ModelChoice(**numbers | choice).resolve(vocab_size=520, sequence_length=32)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(config.model_dump_json())
        save_file(disturbed(Trunk(config, seed=2)).state_dict(), folder / "model.safetensors")
        head = Classification(ClassificationConfig(classes=3, pooling=pooling), config, SPECIALS)
        heads = {f"tone.{key}": value for key, value in disturbed(head).state_dict().items()}
        save_file(heads, folder / "heads.safetensors")
        write_stage(folder, tokenizers["unigram"], tone={"objective": "classification", **head.config.model_dump()})
        return Source(folder, tokenizers["unigram"], labels=LABELS)

    return make


def disturbed(module: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return module.eval()


def write_stage(folder: Path, tokenizer: Path, **uses: dict[str, Any]) -> None:
    sha256 = json.loads((tokenizer / "tokenizer.json").read_text())["sha256"]
    (folder / "stage.json").write_text(json.dumps({"tokenizer_sha256": sha256, "objectives": uses}))


@pytest.fixture
def network(make_source: Callable[..., Source]) -> ModelConfig:
    return ModelConfig.model_validate_json((make_source("other").weights / "config.json").read_text())
