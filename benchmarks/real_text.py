"""Text of the reader's own, and BLiMP's minimal pairs (Warstadt et al. 2020, arXiv:1912.00582), for `ordering`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from data.corpus_folder import write_parquet
from data.document import CORPUS_SCHEMA, SPLITS, Split, draw, sha256_hex
from data.shards import write_shards
from data.sources.formats import decompressed
from data.sources.reading import read_rows
from data.sources.source import FileFields
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer

_HELD_OUT = 0.02
"""Share of the documents in the validation split, which nothing here reads but every stage has; the same of test."""
_PAIR_FILES = ("*.jsonl", "*.jsonl.gz")


def write_text_artifacts(folder: Path, files: Sequence[Path], tokenizer: TokenizerConfig) -> None:
    """Writes what a stage reads: a tokenizer trained on the files, and their text in its tokens.

    Args:
        folder: is made.
        files: txt (a document a paragraph), jsonl, csv or parquet (column `text`), plain or compressed.
        tokenizer: how it is trained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_split: dict[Split, list[dict[str, str]]] = {split: [] for split in SPLITS}
    for text in _texts(files):
        place = draw(text)
        split: Split = "train" if place > 2 * _HELD_OUT else "validation" if place > _HELD_OUT else "test"
        by_split[split].append({"id": sha256_hex(text), "text": text, "source": "text", "language": "en"})
    for split, rows in by_split.items():
        write_parquet(pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA), folder / split / "part-00000.parquet")
    train_tokenizer(tokenizer, folder, folder, seed=0)
    write_shards(folder, Tokenizer.load(folder), folder)


def _texts(files: Sequence[Path]) -> Iterator[str]:
    for file in files:
        with file.open("rb") as stream:
            for row in read_rows(stream, file.name, FileFields(unit="paragraph")):
                if row.defect is None:
                    yield row.text


def read_pairs(folder: Path, tokenizer: Tokenizer, per_paradigm: int) -> list[tuple[list[int], list[int]]]:
    """Returns the first pairs of every paradigm, so many of each that a mean over pairs is one over paradigms.

    Raises:
        ValueError: no file of the folder holds pairs.
    """
    pairs = []
    for file in sorted(path for pattern in _PAIR_FILES for path in folder.glob(pattern)):
        with file.open("rb") as stream:
            records = [json.loads(line) for line in decompressed(stream, file.name)]
        pairs += [
            (tokenizer.encode(record["sentence_good"]), tokenizer.encode(record["sentence_bad"]))
            for record in records[:per_paradigm]
            if "sentence_good" in record  # tables of published scores may lie beside the pairs
        ]
    if not pairs:
        raise ValueError(f"{folder}: no line of {' or '.join(_PAIR_FILES)} has sentence_good and sentence_bad")
    return pairs
