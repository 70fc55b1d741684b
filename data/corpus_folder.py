"""How the files of a corpus artifact are written: equal documents give equal bytes, and memory holds one row group."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from data.document import CORPUS_SCHEMA

# Fixed, so that the same documents give the same bytes.
ROWS_IN_GROUP = 1_024
ROWS_IN_PART = 100 * ROWS_IN_GROUP
_COMPRESSION: dict[str, Any] = {"compression": "zstd", "compression_level": 1}


def write_parquet(table: pa.Table, path: Path) -> None:
    """Writes a small table as all parquet files here are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=ROWS_IN_GROUP, **_COMPRESSION)


def write_json(content: Any, path: Path) -> None:
    """Writes JSON that is equal to the byte for equal content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class ParquetWriter:
    """Writes rows as files of full row groups, whatever the batches they come in; holds at most one group."""

    def __init__(self, schema: pa.Schema, name: Callable[[int], Path], rows_in_part: int | None = None) -> None:
        """`name` gives the path of each part; without `rows_in_part` there is only part 0."""
        self._schema, self._name, self._rows_in_part = schema, name, rows_in_part
        name(0).parent.mkdir(parents=True, exist_ok=True)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._rows = self._parts = 0
        self._part: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Takes rows, in their order."""
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        while self._waiting_rows >= ROWS_IN_GROUP:
            self._write_group()

    def close(self) -> None:
        """Writes what is left; without any rows, an empty part."""
        if self._waiting_rows or self._part is None:
            self._write_group()
        if self._part is not None:
            self._part.close()

    def _write_group(self) -> None:
        waiting = pa.Table.from_batches(self._waiting, schema=self._schema)
        if self._part is None or (self._rows_in_part and self._rows % self._rows_in_part == 0):
            if self._part is not None:
                self._part.close()
            self._part = pq.ParquetWriter(self._name(self._parts), self._schema, **_COMPRESSION)
            self._parts += 1
        group = waiting.slice(0, ROWS_IN_GROUP)
        self._part.write_table(group, row_group_size=ROWS_IN_GROUP)
        self._rows += group.num_rows
        rest = waiting.slice(ROWS_IN_GROUP)
        self._waiting, self._waiting_rows = rest.to_batches(), rest.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def split_writer(folder: Path) -> ParquetWriter:
    """Writes the documents of one split into `folder`, whose older parts go."""
    shutil.rmtree(folder, ignore_errors=True)  # parts of a run that was killed
    return ParquetWriter(CORPUS_SCHEMA, lambda number: folder / f"part-{number:05d}.parquet", ROWS_IN_PART)
