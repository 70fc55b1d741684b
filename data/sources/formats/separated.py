"""Formats .csv and .tsv: a record of cells divided by commas or tabs, under a line of columns' names."""

import csv
from collections.abc import Iterator
from typing import BinaryIO

from data.sources.formats import lines
from data.sources.formats.format import require_columns
from data.sources.source import FileFields, Row, defective, row_of

_LAST = "\0the last record"
"""Follows the last line: a reader that still waits for a closing quote takes it into a cell."""


def read_csv(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """One row a record."""
    return _read(stream, name, config, ",")


def read_tsv(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """One row a record."""
    return _read(stream, name, config, "\t")


def _read(stream: BinaryIO, name: str, config: FileFields, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(lines.LINE_LIMIT_BYTES)
    skipped: list[int] = []

    def decoded() -> Iterator[str]:
        for number, line in enumerate(lines.read_lines(stream), 1):
            if line is None:
                skipped.append(number)
            else:  # bytes that are not UTF-8 become lone surrogates, found again below
                yield line.decode("utf-8", "surrogateescape") + "\n"
        yield _LAST

    reader = csv.reader(decoded(), delimiter=delimiter)
    header = [column for column in next(reader) if not column.endswith(_LAST)]
    require_columns(header, name, config)
    before = reader.line_num
    for number, cells in enumerate(_records(reader), 2):
        while skipped:
            yield Row("", None, f"{name}:line {skipped.pop()}", "line_too_long")
        if cells is None:
            before = reader.line_num
            yield Row("", None, f"{name}:{number}", "not_csv")
            continue
        if cells and cells[-1].endswith(_LAST):
            # A quote that is never closed: how many records its lines were, nobody knows, so each line is one.
            for line in range(before + 1, reader.line_num):
                yield Row("", None, f"{name}:line {line}", "open_quote")
            break
        before = reader.line_num
        record = dict(zip(header, cells, strict=False))
        if any(map(str.strip, cells[len(header) :])):  # a delimiter without quotes: the text goes on in the next cell
            raw = delimiter.join(cells).encode("utf-8", "surrogateescape")
            yield defective(raw, f"{name}:{number}", "too_many_cells")
            continue
        try:
            "".join(cells).encode()
        except UnicodeEncodeError:
            raw = record.get(config.text, "").encode("utf-8", "surrogateescape")
            yield defective(raw, f"{name}:{number}", "not_utf8")
        else:
            yield row_of(record, f"{name}:{number}", config)
    while skipped:
        yield Row("", None, f"{name}:line {skipped.pop()}", "line_too_long")


def _records(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """The cells of each record; None for one that has a carriage return alone between its cells or in them."""
    while True:
        try:
            yield next(reader)
        except csv.Error as error:
            if "new-line character" not in str(error):  # a cell without an end, of which nobody knows what it holds
                raise
            yield None
        except StopIteration:
            return
