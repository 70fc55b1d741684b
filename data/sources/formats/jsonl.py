"""Format .jsonl: a JSON object a line."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from data.sources.formats.lines import read_lines
from data.sources.source import FileFields, Row, defective, row_of


def read_jsonl(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """One row a line that is not empty."""
    for number, line in enumerate(read_lines(stream), 1):
        origin = f"{name}:{number}"
        if line is None:
            yield Row("", None, origin, "line_too_long")
        elif line.strip():
            try:
                record = json.loads(line.decode())
            except UnicodeDecodeError:
                yield defective(line, origin, "not_utf8")
            except (ValueError, RecursionError):  # RecursionError: lists in lists in lists
                yield defective(line, origin, "not_json")
            else:
                yield row_of(record if isinstance(record, dict) else {}, origin, config)
