"""Format .parquet: a table with a column of texts.

It is read in batches that fit memory whatever its row groups are. It needs random access, so a stream that cannot seek
is first copied to disk.
"""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from data.sources.formats import lines
from data.sources.formats.compression import on_disk
from data.sources.formats.format import BrokenFile, require_columns
from data.sources.source import FileFields, Row, SourceError, defective, row_of

BATCH_BYTES = 16 * 2**20
BATCH_ROWS = 1_024


def read_parquet(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """One row a row. Strings are checked: parquet does not hold its writers to UTF-8."""
    with on_disk(stream) as seekable, pq.ParquetFile(seekable, buffer_size=2**20, pre_buffer=False) as file:
        require_columns(file.schema_arrow.names, name, config)
        columns = [config.text] + ([config.title] if config.title else [])
        number = 0
        for batch in file.iter_batches(batch_size=_batch_rows(file.metadata), columns=columns):
            for cells in zip(*(_binary(batch[column], name).to_pylist() for column in columns), strict=True):
                number += 1
                yield _row(cells, columns, f"{name}:{number}", config)


def _row(cells: tuple[bytes | None, ...], columns: list[str], origin: str, config: FileFields) -> Row:
    if any(cell is not None and len(cell) > lines.LINE_LIMIT_BYTES for cell in cells):
        return Row("", None, origin, "line_too_long")
    try:
        record = {column: cell and cell.decode() for column, cell in zip(columns, cells, strict=True)}
    except UnicodeDecodeError:
        return defective(cells[0] or b"", origin, "not_utf8")
    return row_of(record, origin, config)


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Rows of a batch, by the size that the file claims for its largest ones."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    if any(group.num_rows < 0 or group.total_byte_size < 0 for group in groups):
        raise BrokenFile("a row group of negative size")
    largest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, largest)))


def _binary(column: pa.Array, name: str) -> pa.Array:
    """The column's bytes."""
    try:
        return column.cast(pa.large_binary())
    except pa.ArrowNotImplementedError as error:
        raise SourceError(f"{name}: a text column holds {column.type}, not strings") from error
