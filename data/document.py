"""The document: the unit of a corpus, from the file it was read from to the shard it ends in."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

CORPUS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),  # sha256 hex of the cleaned text
        pa.field("text", pa.string()),
        pa.field("title", pa.string()),  # null where the source has none
        pa.field("source", pa.string()),  # the recipe's name for it
        pa.field("language", pa.string()),  # ISO 639-1
        pa.field("origin", pa.string()),  # file (or wheel/member) and row, or a URL
        pa.field("licence", pa.string()),
        pa.field("tags", pa.list_(pa.string())),  # 'rule/tag' of the rules that mark documents
    ]
)
"""Columns of the parquet files of a corpus artifact."""


def sha256_hex(text: str) -> str:
    """Returns the sha256 of the text's UTF-8, as 64 hex digits: a document's identity."""
    return hashlib.sha256(text.encode()).hexdigest()


def draw(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends on `key` and `seed` alone, to choose samples: take what is drawn lowest.

    So a sample stays the same in whatever order, chunks or files its population comes.
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:6]) / 2**48


def iter_texts(
    corpus: Path, split: Split, columns: Sequence[str] = ("text",), batch_rows: int = 1024
) -> Iterator[pa.RecordBatch]:
    """Reads one split of a corpus artifact, in the order it was written, never more than `batch_rows` at a time.

    Args:
        corpus: the artifact's folder.
        split: one of `SPLITS`.
        columns: of `CORPUS_SCHEMA`; only these are read from disk.
        batch_rows: documents in a batch, at most.

    Raises:
        FileNotFoundError: the folder holds no such split.
    """
    parts = sorted((corpus / split).glob("part-*.parquet"))
    if not parts:
        raise FileNotFoundError(f"{corpus / split}: no part-*.parquet here; is {corpus} the folder of a corpus?")
    for part in parts:
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(batch_size=batch_rows, columns=list(columns))
