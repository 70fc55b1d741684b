"""Rows in the order of a sha256 that each of them has, sorted on disk.

A sha256 is uniform, so its first byte deals the rows out evenly to files, and each file can be sorted in memory.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BYTES_IN_MEMORY = 64 * 2**20
"""About what is sorted at once; with more than 256 times that, a 256th of it."""


class HashOrder:
    """Takes rows, then gives them sorted; its files are open within its `with` block."""

    def __init__(self, folder: Path, schema: pa.Schema, column: str, total_bytes: int) -> None:
        """Makes files in `folder` for about `total_bytes` of rows; `column` holds binary(32), or it in hexadecimal."""
        self._column, self._schema = column, schema
        self._count = min(256, -(-total_bytes // BYTES_IN_MEMORY) or 1)
        folder.mkdir(parents=True, exist_ok=True)
        self._files = [folder / f"{number:03d}.arrows" for number in range(self._count)]
        self._open = ExitStack()
        self._writers = [
            self._open.enter_context(pa.ipc.new_stream(self._open.enter_context(file.open("wb")), schema))
            for file in self._files
        ]

    def add(self, rows: pa.RecordBatch) -> None:
        """Takes rows of the schema; none has a null in the column."""
        places = _first_byte(rows[self._column]) * self._count // 256
        for number in np.unique(places).tolist():
            self._writers[number].write_batch(rows.filter(pa.array(places == number)))

    def sorted(self) -> Iterator[pa.Table]:
        """All rows in ascending order of the column, a file at a time; call it once."""
        self._open.close()
        for file in self._files:
            with pa.OSFile(str(file)) as stream:
                yield pa.ipc.open_stream(stream).read_all().sort_by(self._column)
            file.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _first_byte(hashes: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_fixed_size_binary(hashes.type):
        heads = pc.cast(pc.binary_slice(hashes, 0, 1), pa.binary())
        return np.frombuffer(b"".join(heads.to_pylist()), dtype=np.uint8).astype(np.int64)
    heads = pc.utf8_slice_codeunits(hashes, 0, 2).to_pylist()
    return np.frombuffer(bytes.fromhex("".join(heads)), dtype=np.uint8).astype(np.int64)
