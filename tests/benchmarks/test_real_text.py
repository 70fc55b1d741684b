import gzip
import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.real_text import read_pairs, write_text_artifacts
from data.shards import Shards
from data.tokenizer import Tokenizer, TokenizerConfig

_LETTERS = Random(0)
WORDS = ["".join(_LETTERS.choices("abcdefghijklmnop", k=6)) for _ in range(300)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    paragraphs = [" ".join(Random(number).choices(WORDS, k=20)) for number in range(165)]
    (folder / "a.txt").write_text("\n\n".join(paragraphs[:100]), encoding="utf-8")
    with gzip.open(folder / "b.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in paragraphs[100:])
    write_text_artifacts(folder / "made", [folder / "a.txt", folder / "b.jsonl.gz"], TokenizerConfig(vocab_size=512))
    return folder / "made"


def test_all_documents_of_all_files_are_tokenized(artifacts: Path):
    splits = [Shards.open(artifacts, split) for split in ("train", "validation", "test")]
    tokenizer = Tokenizer.load(artifacts)

    assert sum(split.documents for split in splits) == 165
    assert splits[0].documents > 0.85 * 165
    assert set(tokenizer.decode(splits[0].document(0)).split()) <= set(WORDS)


def test_so_many_pairs_of_every_paradigm_are_read_and_tables_of_scores_are_not(artifacts: Path, tmp_path: Path):
    pair = {"sentence_good": "the cats chase birds", "sentence_bad": "the cats chases birds", "UID": "agreement"}
    (tmp_path / "a.jsonl").write_text(3 * (json.dumps(pair) + "\n"))
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(5 * (json.dumps(pair) + "\n"))
    (tmp_path / "scores.jsonl").write_text(json.dumps({"model": "x", "score": 1}) + "\n")
    tokenizer = Tokenizer.load(artifacts)

    pairs = read_pairs(tmp_path, tokenizer, per_paradigm=2)
    assert len(pairs) == 4
    assert [tokenizer.decode(ids) for ids in pairs[0]] == [pair["sentence_good"], pair["sentence_bad"]]


def test_folder_without_pairs_is_refused(artifacts: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="sentence_good"):
        read_pairs(tmp_path, Tokenizer.load(artifacts), per_paradigm=2)
