import json
from pathlib import Path

import numpy as np
import pytest

from data.document import iter_texts
from data.shards import Shards, write_shards
from data.tokenizer import Tokenizer


@pytest.fixture
def shards(toy_corpus: Path, toy_tokenizer: Tokenizer, tmp_path: Path) -> Path:
    write_shards(toy_corpus, toy_tokenizer, tmp_path)
    return tmp_path


def test_every_document_decodes_to_its_text(shards: Path, toy_corpus: Path, toy_tokenizer: Tokenizer):
    texts = [text for batch in iter_texts(toy_corpus, "train") for text in batch.column("text").to_pylist()]
    train = Shards.open(shards, "train")

    assert [toy_tokenizer.decode(train.document(index)) for index in range(train.documents)] == texts
    assert train.document_bytes.tolist() == [len(text.encode()) for text in texts]
    assert isinstance(train.tokens, np.memmap)
    assert train.tokens.dtype == np.uint16


def test_empty_split_opens(shards: Path):
    test = Shards.open(shards, "test")

    assert (test.documents, len(test.tokens), test.offsets.tolist()) == (0, 0, [0])


def test_counts_and_tokenizer_are_written_down(shards: Path, toy_tokenizer: Tokenizer):
    facts = json.loads((shards / "tokens.json").read_text())
    train = Shards.open(shards, "train")

    assert facts["tokenizer_sha256"] == train.tokenizer_sha256 == toy_tokenizer.sha256
    assert facts["counts"]["train"] == {
        "documents": 16,
        "tokens": len(train.tokens),
        "bytes": int(train.document_bytes.sum()),
    }


def test_progress_counts_documents_over_all_splits(toy_corpus: Path, toy_tokenizer: Tokenizer, tmp_path: Path):
    told: list[tuple[str, int, int]] = []
    write_shards(toy_corpus, toy_tokenizer, tmp_path, progress=lambda *news: told.append(news))

    assert told == [("documents encoded", 16, 0), ("documents encoded", 20, 0)]


def test_shards_are_equal_to_the_byte(shards: Path, toy_corpus: Path, toy_tokenizer: Tokenizer, tmp_path: Path):
    again = tmp_path / "again"
    again.mkdir()
    write_shards(toy_corpus, toy_tokenizer, again)

    for path in again.iterdir():
        assert path.read_bytes() == (shards / path.name).read_bytes()


def test_large_vocabularies_take_four_bytes(tmp_path: Path):
    facts = {"vocab_size": 70_000, "tokenizer_sha256": "0", "counts": {}}
    (tmp_path / "tokens.json").write_text(json.dumps(facts))
    np.array([69_999, 1], dtype="<u4").tofile(tmp_path / "train.bin")
    np.save(tmp_path / "train.offsets.npy", np.array([0, 2]))
    np.save(tmp_path / "train.bytes.npy", np.array([2]))

    assert Shards.open(tmp_path, "train").document(0).tolist() == [69_999, 1]
