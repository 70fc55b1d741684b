"""Format .txt: a document a file, a paragraph or a line."""

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from data.sources.formats import lines
from data.sources.source import FileFields, Row, TextUnit, defective


def read_text(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """One row a unit. Bytes that are not UTF-8 are not guessed at."""
    for origin, block in _blocks(stream, name, config.unit):
        if block is None:
            yield Row("", None, origin, "line_too_long")
            continue
        try:
            yield Row(block.decode(), None, origin)
        except UnicodeDecodeError:
            yield defective(block, origin, "not_utf8")


def _blocks(stream: BinaryIO, name: str, unit: TextUnit) -> Iterator[tuple[str, bytes | None]]:
    """Each document's origin and bytes; None for one beyond the limit."""
    if unit == "file":
        content = stream.read(lines.LINE_LIMIT_BYTES + 1)
        yield name, content.removeprefix(lines.BYTE_ORDER_MARK) if len(content) <= lines.LINE_LIMIT_BYTES else None
    elif unit == "line":
        for number, line in enumerate(lines.read_lines(stream), 1):
            if line is None or line.strip():
                yield f"{name}:{number}", line
    else:
        for start, paragraph in _paragraphs(stream):
            yield f"{name}:{start}", paragraph


def _paragraphs(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number of the first line and content of what stands between empty lines."""
    held: list[bytes] = []
    size = start = 0
    for number, line in enumerate(chain(lines.read_lines(stream), [b""]), 1):
        if line is not None and not line.strip():
            if start:
                yield start, b"\n".join(held) if size <= lines.LINE_LIMIT_BYTES else None
            held, size, start = [], 0, 0
            continue
        start = start or number
        size += lines.LINE_LIMIT_BYTES + 1 if line is None else len(line)
        if line is not None and size <= lines.LINE_LIMIT_BYTES:
            held.append(line)
