"""What every source of documents has in common: settings, rows, errors."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from data.config import Config, Count


class SourceError(ValueError):
    """A source that cannot be read as the recipe says; the message names the file and what to do."""


class SourceFields(Config):
    """Settings that every kind of source takes."""

    text: str = "text"
    """Column or JSON key that holds a document's text."""
    title: str | None = None
    """Column or JSON key that holds its title."""
    tagged: Literal["slash"] | None = None
    """`slash`: every word has its part of speech behind it, as in '世纪/n'. The tags go, and the words are joined."""
    headed: bool = False
    """What is read are lines of one long text, as with `unit: line`: a document is a heading, which is its title, and
    the lines up to the next. A heading is a short line that holds no sentence."""
    language: str | None = None
    """ISO 639-1 code of all its documents, which are then not identified one by one."""
    licence: str = "unknown"
    """Kept with every document."""
    max_documents: Count | None = Field(None, gt=0)
    """Read only so many, in the order of the files."""
    min_words: int | None = Field(None, ge=1)
    """In place of the length rule's own minimum, in words."""
    min_characters: int | None = Field(None, ge=1)
    """In place of the length rule's own minimum for languages without spaces, in characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One document as its source gave it."""

    text: str
    """With a defect: the beginning of what was there, bytes that are not UTF-8 as \\xNN."""
    title: str | None
    origin: str
    """File and row, as a person finds it again: 'news.jsonl.gz:17'."""
    defect: str | None = None
    """Why it cannot be used: 'not_utf8', 'line_too_long', 'not_json', 'no_text'. It is counted and left out."""


def row_of(record: Mapping[str, object], origin: str, config: SourceFields) -> Row:
    """The row of one record of a table or a JSON line; a defective one where it has no text."""
    text = record.get(config.text)
    title = record.get(config.title) if config.title else None
    if not isinstance(text, str) or not text.strip():
        return Row("", None, origin, "no_text")
    title = title if isinstance(title, str) and title.strip() else None
    try:
        (text + (title or "")).encode()
    except UnicodeEncodeError:  # JSON can spell half a surrogate pair
        return Row(text[:500].encode("utf-8", "backslashreplace").decode(), None, origin, "not_utf8")
    return Row(text, title, origin)


C = TypeVar("C", bound=SourceFields)


class Source(ABC, Generic[C]):
    """Reads the documents of one entry of `corpus.sources`."""

    name: ClassVar[str]
    Config: ClassVar[type[SourceFields]]

    def __init__(self, config: C, *, cache: Path, root: Path) -> None:
        """Opens nothing yet; `cache` is for downloads and hashes, `root` is what relative paths belong to."""
        self.config, self.cache, self.root = config, cache, root

    @abstractmethod
    def key(self) -> dict[str, Any]:
        """JSON that changes if and only if the content does; found without reading documents.

        Raises:
            SourceError: there is nothing there.
        """

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """All documents, always in the same order.

        Raises:
            SourceError: a file is missing, broken, or not what the recipe says.
        """


def default_cache() -> Path:
    """`STAGELM_CACHE`, or ~/.cache/stagelm."""
    return Path(os.environ.get("STAGELM_CACHE") or Path.home() / ".cache" / "stagelm")
