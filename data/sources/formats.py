"""Rows out of an open file: txt, jsonl, csv, parquet, plain or compressed.

A file may be larger than memory and may be damaged. Lines beyond `LINE_LIMIT_BYTES` are skipped without being held,
bytes that are not UTF-8 are not guessed at; both give a row with a defect. A broken archive is an error, since nobody
knows what it lacks.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from data.sources.source import Row, SourceError, SourceFields, row_of

LINE_LIMIT_BYTES = 64 * 2**20
SAMPLE_CHARACTERS = 500
COMPRESSIONS = (".gz", ".xz", ".bz2", ".zst")
TextUnit = Literal["file", "paragraph", "line"]


def format_of(name: str) -> str:
    """The format's suffix without the compression's: '.jsonl' for 'a.jsonl.gz'.

    Raises:
        SourceError: no reader knows it.
    """
    path = PurePosixPath(name)
    suffix = (path.with_suffix("") if path.suffix in COMPRESSIONS else path).suffix
    if suffix not in (".txt", ".jsonl", ".csv", ".parquet"):
        raise SourceError(
            f"{name}: unknown format {suffix!r}; known: .txt, .jsonl, .csv, .parquet, "
            f"plain or with {', '.join(COMPRESSIONS)}"
        )
    return suffix


def decompressed(stream: BinaryIO, name: str) -> BinaryIO:
    """The plain bytes of `stream`, decompressed as the name's suffix says."""
    match PurePosixPath(name).suffix:
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        case ".xz":
            return cast(BinaryIO, lzma.open(stream))
        case ".bz2":
            return cast(BinaryIO, bz2.open(stream))
        case ".zst":  # pyarrow's reader, because zstandard's takes a truncated file for a whole one
            return io.BufferedReader(pa.input_stream(stream, compression="zstd"))
    return stream


def read_rows(stream: BinaryIO, name: str, config: SourceFields, unit: TextUnit = "file") -> Iterator[Row]:
    """The documents of one file.

    Args:
        stream: as stored, possibly compressed.
        name: where rows say they come from; its suffix gives format and compression.
        config: the columns' names.
        unit: what one document is in a txt file.

    Raises:
        SourceError: the archive is broken, or lacks the column that the recipe names.
    """
    plain = decompressed(stream, name)
    done = 0
    try:
        match format_of(name):
            case ".parquet":
                rows = _parquet_rows(plain, name, config)
            case ".csv":
                rows = _csv_rows(plain, name, config)
            case ".jsonl":
                rows = _jsonl_rows(plain, name, config)
            case _:
                rows = _text_rows(plain, name, unit)
        for row in rows:
            yield row
            done += 1
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, csv.Error, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{name}: broken after {done:,} documents ({type(error).__name__}: {error}); "
            f"fetch the file again or take it out of the source"
        ) from error


def bounded_lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Lines without their end; None in place of one longer than `limit` bytes, of which no more is ever held."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit)
        yield None


def _defective(sample: bytes, origin: str, defect: str) -> Row:
    return Row(sample[:SAMPLE_CHARACTERS].decode("utf-8", "backslashreplace"), None, origin, defect)


def _text_rows(stream: BinaryIO, name: str, unit: TextUnit) -> Iterator[Row]:
    for origin, block in _blocks(stream, name, unit):
        if block is None:
            yield Row("", None, origin, "line_too_long")
            continue
        try:
            yield Row(block.decode(), None, origin)
        except UnicodeDecodeError:
            yield _defective(block, origin, "not_utf8")


def _blocks(stream: BinaryIO, name: str, unit: TextUnit) -> Iterator[tuple[str, bytes | None]]:
    """Each document's origin and bytes; None for one beyond the limit."""
    if unit == "file":
        content = stream.read(LINE_LIMIT_BYTES + 1)
        yield name, content.removeprefix(b"\xef\xbb\xbf") if len(content) <= LINE_LIMIT_BYTES else None
    elif unit == "line":
        for number, line in enumerate(_lines(stream), 1):
            if line is None or line.strip():
                yield f"{name}:{number}", line
    else:
        for start, paragraph in _paragraphs(stream):
            yield f"{name}:{start}", paragraph


def _paragraphs(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number of the first line and content of what stands between empty lines."""
    lines: list[bytes] = []
    size = start = 0
    for number, line in enumerate(chain(_lines(stream), [b""]), 1):
        if line is not None and not line.strip():
            if start:
                yield start, b"\n".join(lines) if size <= LINE_LIMIT_BYTES else None
            lines, size, start = [], 0, 0
            continue
        start = start or number
        size += LINE_LIMIT_BYTES + 1 if line is None else len(line)
        if line is not None and size <= LINE_LIMIT_BYTES:
            lines.append(line)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Bounded lines, the first without a byte order mark."""
    for number, line in enumerate(bounded_lines(stream, LINE_LIMIT_BYTES)):
        yield line.removeprefix(b"\xef\xbb\xbf") if line and number == 0 else line


def _jsonl_rows(stream: BinaryIO, name: str, config: SourceFields) -> Iterator[Row]:
    for number, line in enumerate(_lines(stream), 1):
        origin = f"{name}:{number}"
        if line is None:
            yield Row("", None, origin, "line_too_long")
        elif line.strip():
            try:
                record = json.loads(line.decode())
            except UnicodeDecodeError:
                yield _defective(line, origin, "not_utf8")
            except ValueError:
                yield _defective(line, origin, "not_json")
            else:
                yield row_of(record if isinstance(record, dict) else {}, origin, config)


def _csv_rows(stream: BinaryIO, name: str, config: SourceFields) -> Iterator[Row]:
    csv.field_size_limit(LINE_LIMIT_BYTES)
    skipped: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in enumerate(_lines(stream), 1):
            if line is None:
                skipped.append(number)
            else:  # bytes that are not UTF-8 become lone surrogates, found again below
                yield line.decode("utf-8", "surrogateescape") + "\n"

    reader = csv.reader(lines())
    header = next(reader, [])
    _require_columns(header, name, config)
    for number, cells in enumerate(reader, 2):
        while skipped:
            yield Row("", None, f"{name}:line {skipped.pop()}", "line_too_long")
        record = dict(zip(header, cells, strict=False))
        try:
            "".join(cells).encode()
        except UnicodeEncodeError:
            raw = record.get(config.text, "").encode("utf-8", "surrogateescape")
            yield _defective(raw, f"{name}:{number}", "not_utf8")
        else:
            yield row_of(record, f"{name}:{number}", config)
    while skipped:
        yield Row("", None, f"{name}:line {skipped.pop()}", "line_too_long")


def _parquet_rows(stream: BinaryIO, name: str, config: SourceFields) -> Iterator[Row]:
    seekable = stream if stream.seekable() else io.BytesIO(stream.read())
    with pq.ParquetFile(seekable) as file:
        _require_columns(file.schema_arrow.names, name, config)
        columns = [config.text] + ([config.title] if config.title else [])
        number = 0
        for batch in file.iter_batches(batch_size=1024, columns=columns):
            for cells in zip(*(_binary(batch[column], name).to_pylist() for column in columns), strict=True):
                number += 1
                try:
                    record = {column: cell and cell.decode() for column, cell in zip(columns, cells, strict=True)}
                except UnicodeDecodeError:
                    yield _defective(cells[0] or b"", f"{name}:{number}", "not_utf8")
                else:
                    yield row_of(record, f"{name}:{number}", config)


def _binary(column: pa.Array, name: str) -> pa.Array:
    """The column's bytes: parquet does not hold its writers to UTF-8."""
    try:
        return column.cast(pa.large_binary())
    except pa.ArrowNotImplementedError as error:
        raise SourceError(f"{name}: a text column holds {column.type}, not strings") from error


def _require_columns(columns: list[str], name: str, config: SourceFields) -> None:
    for setting, column in (("text", config.text), ("title", config.title)):
        if column is not None and column not in columns:
            raise SourceError(f"{name}: no column {column!r} (setting {setting!r}); it has: {', '.join(columns)}")
