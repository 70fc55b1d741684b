"""The cleaned documents among which is chosen: in what order they are preferred, and what speaks against each.

Shapes: N rows in the order of reading. Memory: some 40 bytes a document.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.cleaned import CleanedDocuments
from data.split import SplitConfig, places_of


class Candidates:
    """Documents with a rank each: source by source in the order of the recipe, in a source by id."""

    def __init__(self, cleaned: CleanedDocuments, split: SplitConfig) -> None:
        self._cleaned = cleaned
        heads_N2 = np.empty((cleaned.rows, 2), dtype=np.uint64)
        orders_N = np.empty(cleaned.rows, dtype=np.int32)
        self._codes_N = np.empty(cleaned.rows, dtype=np.int16)
        self._names: list[str] = []
        done = 0
        for batch in cleaned.read(("id", "source_order", "dropped")):
            rows = slice(done, done + batch.num_rows)
            heads_N2[rows] = _leading_bits(batch["id"].to_pylist())
            orders_N[rows] = batch["source_order"].to_numpy()
            encoded = batch["dropped"].dictionary_encode()
            codes = np.array([self._code(name) for name in encoded.dictionary.to_pylist()], dtype=np.int16)
            given = encoded.indices.fill_null(len(codes)).to_numpy()
            self._codes_N[rows] = np.append(codes, np.int16(-1))[given]
            done += batch.num_rows
        self.rows_by_rank_N: NDArray[np.int64] = np.lexsort((heads_N2[:, 1], heads_N2[:, 0], orders_N))
        self.ranks_N = np.empty(cleaned.rows, dtype=np.int64)
        """0 is preferred to all."""
        self.ranks_N[self.rows_by_rank_N] = np.arange(cleaned.rows)
        self.splits_N = places_of(heads_N2[:, 0], split)
        """As numbers of `SPLITS`."""

    @property
    def alive_N(self) -> NDArray[np.bool_]:
        """Whether nothing speaks against a document."""
        return self._codes_N < 0

    def alive_by_rank(self) -> NDArray[np.int64]:
        """Rows of the documents that are alive, the most preferred first."""
        return self.rows_by_rank_N[self.alive_N[self.rows_by_rank_N]]

    def drop(self, rows: NDArray[np.int64], reason: str) -> None:
        """Ends the way of these documents; replaces what else was said against one."""
        if len(rows):
            self._codes_N[rows] = self._code(reason)

    def dropped_by(self, prefixes: Sequence[str]) -> NDArray[np.bool_]:
        """Whether a document was dropped for a reason that begins so (N,)."""
        fitting = [name.startswith(tuple(prefixes)) for name in self._names]
        return np.array([*fitting, False])[self._codes_N]

    def read(
        self, columns: Sequence[str], wanted_N: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        """Yields row numbers and columns of the documents that are wanted, in the order of reading."""
        done = 0
        for batch in self._cleaned.read(columns):
            wanted = wanted_N[done : done + batch.num_rows]
            if wanted.any():
                yield done + np.flatnonzero(wanted), batch.filter(pa.array(wanted))
            done += batch.num_rows

    def reasons(self) -> pa.DictionaryArray:
        """For each document 'rule/reason', or null where it stays."""
        codes = pa.array(self._codes_N.astype(np.int32), mask=self._codes_N < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(self._names, pa.string()))

    def _code(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name)


def _leading_bits(ids: Sequence[str]) -> NDArray[np.uint64]:
    """Returns (N, 2): the first 128 bits of ids in hexadecimal, whose order is theirs."""
    content = bytes.fromhex("".join(document_id[:32] for document_id in ids))
    return np.frombuffer(content, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def joined(column: pa.Array) -> NDArray[np.uint8]:
    """Returns (N, W) bytes of a column of values of one width, without nulls."""
    width = column.type.byte_width
    content = np.frombuffer(column.buffers()[1], dtype=np.uint8)
    return content[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width)
