"""What earlier corpora kept: a new one takes nothing of it again, and adds nothing like it to another split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from data.dedup.sketch import BINS
from data.document import SPLITS, iter_texts

KEPT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),  # of the document as it was before parts were cut
        pa.field("split", pa.string()),
        pa.field("key", pa.binary(32)),  # equal for exact duplicates
        pa.field("signature", pa.binary(BINS)),
    ]
)
"""Columns of `audit/signatures.parquet`."""


@dataclass(frozen=True)
class Known:
    """Earlier corpora, which are read as often as they are needed: nothing of them is held."""

    corpora: tuple[Path, ...]
    """Folders of corpus artifacts, oldest first."""
    documents: int
    """That they hold in all."""

    @classmethod
    def load(cls, corpora: Sequence[Path], shingle_words: int) -> Self:
        """Looks whether new documents can be compared with theirs.

        Raises:
            FileNotFoundError: one of them is not a corpus.
            ValueError: its signatures are of another kind.
        """
        documents = 0
        for corpus in corpora:
            with pq.ParquetFile(corpus / "audit" / "signatures.parquet") as file:
                if file.schema_arrow != KEPT_SCHEMA or _shingle_words(file.schema_arrow) != shingle_words:
                    raise ValueError(
                        f"{corpus}: its signatures cannot be compared with shingles of {shingle_words} words; give "
                        f"corpus.dedup.shingle_words the value that it was built with, or build it again"
                    )
                documents += file.metadata.num_rows
        return cls(tuple(corpora), documents)

    def kept(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yields columns of `KEPT_SCHEMA`, the oldest corpus first."""
        for corpus in self.corpora:
            with pq.ParquetFile(corpus / "audit" / "signatures.parquet") as file:
                yield from file.iter_batches(batch_size=1_024, columns=list(columns))

    def texts(self) -> Iterator[str]:
        """Yields the text of every document, the oldest corpus first."""
        for corpus in self.corpora:
            for split in SPLITS:
                for batch in iter_texts(corpus, split):
                    yield from batch["text"].to_pylist()


def kept_schema(shingle_words: int) -> pa.Schema:
    """Returns `KEPT_SCHEMA` with a note of what a signature is made of."""
    return KEPT_SCHEMA.with_metadata({"shingle_words": str(shingle_words)})


def _shingle_words(schema: pa.Schema) -> int | None:
    noted = (schema.metadata or {}).get(b"shingle_words")
    return None if noted is None else int(noted)
