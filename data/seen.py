"""Which documents earlier corpora have read, by the sha256 of the text as read: on disk, whatever their number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SEEN_SCHEMA = pa.schema([pa.field("raw", pa.binary(32))])
"""Columns of `audit/seen.parquet`, in whose rows every hash stands once, in ascending order."""
_HASH = np.dtype("S32")


class Seen:
    """The hashes of several corpora, mapped into memory and searched by bisection."""

    def __init__(self, corpora: Sequence[Path], folder: Path) -> None:
        """Lays the hashes of the corpora's `audit/seen.parquet` out in `folder`.

        Raises:
            FileNotFoundError: one of them is not a corpus.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._sorted = [
            _laid_out(corpus / "audit" / "seen.parquet", folder / f"{number}.sha256")
            for number, corpus in enumerate(corpora)
        ]

    def holds(self, hashes: pa.FixedSizeBinaryArray) -> NDArray[np.bool_]:
        """For each sha256 whether some corpus has read it; false for nulls."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        asked = np.array(hashes.fill_null(bytes(32)).to_pylist(), dtype=_HASH)
        for known in self._sorted:
            places = np.searchsorted(known, asked)
            found |= known[np.minimum(places, len(known) - 1)] == asked
        return found & hashes.is_valid().to_numpy(zero_copy_only=False)


def _laid_out(parquet: Path, file: Path) -> NDArray[np.bytes_]:
    with pq.ParquetFile(parquet) as rows, file.open("wb") as flat:
        for batch in rows.iter_batches():
            flat.write(b"".join(batch["raw"].to_pylist()))
    # A file without bytes cannot be mapped; a hash that nothing has lets the search go on without a special case.
    return np.memmap(file, dtype=_HASH, mode="r") if file.stat().st_size else np.full(1, b"\xff" * 32, dtype=_HASH)
