"""Which parts of sources a corpus has read to their end, so that the next one need not open them again."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.corpus_folder import write_parquet
from data.sources import Ledger

_FILE = Path("audit", "parts.parquet")
_SCHEMA = pa.schema([pa.field("key", pa.string()), pa.field("documents", pa.int64())])


def write_parts(ledgers: Iterable[Ledger], corpus: Path) -> None:
    """Writes `audit/parts.parquet`, in the order of the keys."""
    read = {key: number for ledger in ledgers for key, number in ledger.read.items()}
    rows = [{"key": key, "documents": number} for key, number in sorted(read.items())]
    write_parquet(pa.Table.from_pylist(rows, _SCHEMA), corpus / _FILE)


def read_parts(corpora: Sequence[Path]) -> dict[str, int]:
    """Key of each part that one of the corpora has read -> its documents; a corpus without the file knows none."""
    tables = [pq.read_table(corpus / _FILE) for corpus in corpora if (corpus / _FILE).exists()]
    return {key: number for table in tables for key, number in zip(*table.to_pydict().values(), strict=True)}
