"""Formats .html and .htm: a web page a file."""

from collections.abc import Iterator
from typing import BinaryIO

from data.sources.source import Document, FileFields, Markup, Row

MARKUP_LIMIT_BYTES = 8 * 2**20
"""Larger pages are no text: data in scripts, dumps, traps."""


def read_page(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Document]:
    """One document."""
    yield page(stream.read(MARKUP_LIMIT_BYTES + 1), "", name)


def page(content: bytes, encoding: str, origin: str) -> Document:
    """The document of a page of which at least `MARKUP_LIMIT_BYTES` + 1 bytes were read, if it has so many.

    Args:
        content: as stored.
        encoding: the character set that the server named, or ''.
        origin: where it is from.
    """
    if len(content) > MARKUP_LIMIT_BYTES:
        return Row("", None, origin, "too_large")
    return Markup(content, "html", encoding, None, origin)
