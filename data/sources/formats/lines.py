"""Lines of a file of which any may be longer than memory."""

from collections.abc import Iterator
from typing import BinaryIO

LINE_LIMIT_BYTES = 64 * 2**20
"""Longer lines, cells and texts are no documents."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def bounded_lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Lines without their end; None in place of one longer than `limit` bytes, of which no more is ever held."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit)
        yield None


def read_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Bounded lines, the first without a byte order mark."""
    for number, line in enumerate(bounded_lines(stream, LINE_LIMIT_BYTES)):
        yield line.removeprefix(BYTE_ORDER_MARK) if line and number == 0 else line
