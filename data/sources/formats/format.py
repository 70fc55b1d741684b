"""What a format is: a function from an open file to its documents."""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from data.sources.source import Document, FileFields, SourceError, SourceFields

Reader = Callable[[BinaryIO, str, FileFields], Iterator[Document]]
"""Takes the decompressed stream, the name that origins begin with, and the source's settings."""


class BrokenFile(ValueError):
    """A file that does not hold to its format, so that nobody knows what it lacks."""


def require_columns(columns: Sequence[str], name: str, config: SourceFields) -> None:
    """Refuses a table without the columns that the recipe names.

    Raises:
        SourceError: one is missing; the message lists what is there.
    """
    for setting, column in (("text", config.text), ("title", config.title)):
        if column is not None and column not in columns:
            there = ", ".join(columns).encode("utf-8", "backslashreplace").decode()
            raise SourceError(f"{name}: no column {column!r} (setting {setting!r}); it has: {there}")
