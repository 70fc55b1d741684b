"""A tiny tokenizer, tokens of made-up documents, and weights that were never trained."""

import json
from collections.abc import Callable, Iterator
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
from data.vocabulary import SPECIALS
from lightning_modules.adapters import LoRAConfig, weights_sha256, write_adapter
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig
from lightning_modules.scoring.spec import EvaluateSpec

HARDWARE = {
    "accelerator": "cpu", "devices": 1, "strategy": "single", "precision": "fp32", "threads": 1,
    "global_batch_tokens": 256, "micro_batch_tokens": 128, "compile": False, "deterministic": True,
}  # fmt: skip
CONFIG = ModelChoice(preset="micro").resolve(vocab_size=560, sequence_length=32)


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    ends = ("ala", "eno", "iru", "osta", "unde")
    words = [first + middle + end for first in "kmtrspbdgl" for middle in ends for end in ends]
    return [" ".join(random.choice(words, random.integers(1, 60))) + "." for _ in range(count)]


@pytest.fixture(autouse=True)
def torch_settings() -> Iterator[None]:
    """Takes back what `main` sets for its whole process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus, tokenizer and tokens, sentiment and titles (examples), pretrained, scratch and adapted."""
    root = tmp_path_factory.mktemp("scoring")
    for split, count in (("train", 60), ("validation", 5), ("test", 12)):
        rows = [
            {"id": sha256_hex(text), "text": text, "title": None, "source": f"s{number % 2}", "language": "en"}
            | {"origin": "", "licence": ""}
            for number, text in enumerate(sentences(count, seed=count))
        ]
        (root / "corpus" / split).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, CORPUS_SCHEMA), root / "corpus" / split / "part-00000.parquet")
    for name in ("tokenizer", "tokens", "sentiment", "titles", "pretrained", "scratch", "adapted"):
        (root / name).mkdir()
    train_tokenizer(
        TokenizerConfig(algorithm="bpe", vocab_size=CONFIG.vocab_size), root / "corpus", root / "tokenizer", seed=0
    )
    write_shards(root / "corpus", Tokenizer.load(root / "tokenizer"), root / "tokens")
    for split, count in (("train", 30), ("validation", 4), ("test", 15)):
        examples = [
            {"id": f"{split}{number}", "group": f"g{number}", "input": text, "label": number % 2}
            | {"others": [], "details": "{}"}
            for number, text in enumerate(sentences(count, seed=count + 1))
        ]
        labelled = [example | {"target": ["bad", "good"][example["label"]]} for example in examples]
        titled = [example | {"target": example["input"].split()[-1], "label": None} for example in examples]
        pq.write_table(pa.Table.from_pylist(labelled, SCHEMA), root / "sentiment" / f"{split}.parquet")
        pq.write_table(pa.Table.from_pylist(titled, SCHEMA), root / "titles" / f"{split}.parquet")
    for name, labels in (("sentiment", ["bad", "good"]), ("titles", [])):
        task = {"answers": "class" if labels else "text", "labels": labels, "language": "en", "target_language": "en"}
        (root / name / "task.json").write_text(json.dumps(task))
    sha256 = json.loads((root / "tokenizer" / "tokenizer.json").read_text())["sha256"]
    head = Classification(ClassificationConfig(classes=2), CONFIG, SPECIALS)
    uses = {"polarity": {"objective": "classification", "share": 1.0, "weight": 1.0} | head.config.model_dump()}
    for seed, name in enumerate(("pretrained", "scratch", "adapted")):
        (root / name / "config.json").write_text(CONFIG.model_dump_json())
        (root / name / "stage.json").write_text(json.dumps({"tokenizer_sha256": sha256, "objectives": uses}))
        heads = {f"polarity.{parameter}": tensor for parameter, tensor in head.state_dict().items()}
        save_file(heads, root / name / "heads.safetensors")
        if name != "adapted":
            save_file(Trunk(CONFIG, seed).state_dict(), root / name / "model.safetensors")
    trunk, adapter = Trunk(CONFIG, 0), LoRAConfig().build()
    adapter.apply(trunk)
    write_adapter(root / "adapted", LoRAConfig(), adapter, trunk, weights_sha256(root / "pretrained"))
    return root


@pytest.fixture
def make_spec(folders: Path, tmp_path: Path) -> Callable[..., EvaluateSpec]:
    """Returns a spec of two systems; keywords replace fields."""

    def make(output: str = "output", **changes: Any) -> EvaluateSpec:
        fields: dict[str, Any] = {
            "name": "check",
            "task": "language_model",
            "systems": {name: {"weights": folders / name} for name in ("pretrained", "scratch")},
            "tokenizer": folders / "tokenizer",
            "data": folders / "tokens",
            "corpus": folders / "corpus",
            "decoding": {"max_new_tokens": 4},
            "resamples": 50,
            "hardware": HARDWARE,
            "seed": 5,
            "work": tmp_path / "work",
            "output": tmp_path / output,
        }
        return EvaluateSpec.model_validate(fields | changes)

    return make
