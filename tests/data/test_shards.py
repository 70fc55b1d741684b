import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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


def three_sources() -> Shards:
    """Documents of 3, 2, 4, 1 and 2 tokens, which count up from 40."""
    offsets = np.array([0, 3, 5, 9, 10, 12])
    sources = (("news", 2), ("tweets", 2), ("mine", 1))
    return Shards(np.arange(40, 52, dtype=np.uint16), offsets, np.diff(offsets) * 2, 64, "toy", sources)


def test_documents_of_one_source_are_shards_of_their_own():
    tweets = three_sources().of_source("tweets")

    assert [tweets.document(index).tolist() for index in range(tweets.documents)] == [[45, 46, 47, 48], [49]]
    assert (tweets.tokens.tolist(), tweets.offsets.tolist()) == ([45, 46, 47, 48, 49], [0, 4, 5])
    assert tweets.document_bytes.tolist() == [8, 2]


def test_source_without_documents_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'tweet' is not one run .* \(they are: news 2, tweets 2, mine 1\)"):
        three_sources().of_source("tweet")


def test_source_whose_documents_lie_apart_is_refused():
    apart = replace(three_sources(), sources=(("news", 2), ("tweets", 2), ("news", 1)))

    with pytest.raises(ValueError, match="'news' is not one run of documents"):
        apart.of_source("news")


def test_sources_are_written_down_in_the_order_of_their_documents(
    toy_corpus: Path, toy_tokenizer: Tokenizer, tmp_path: Path
):
    named = tmp_path / "corpus"
    shutil.copytree(toy_corpus, named)
    [part] = (named / "train").glob("part-*.parquet")
    table = pq.read_table(part)
    names = pa.array(["wire"] * 10 + ["blog"] * (table.num_rows - 10))
    pq.write_table(table.set_column(table.schema.get_field_index("source"), "source", names), part)
    output = tmp_path / "tokens"
    output.mkdir()
    write_shards(named, toy_tokenizer, output)
    train = Shards.open(output, "train")

    assert train.sources == (("wire", 10), ("blog", 6))
    assert train.of_source("blog").document(0).tolist() == train.document(10).tolist()
    assert train.of_source("blog").documents == 6


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
