"""What every source of documents has in common: settings, rows, errors."""

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from data.config import Config, Count

SAMPLE_CHARACTERS = 500


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
    type: Literal["prose", "code"] = "prose"
    """`code`: all of it is programs, which rules for prose spare; the rule `code` finds others by their shape."""
    licence: str = "unknown"
    """Kept with every document."""
    max_documents: Count | None = Field(None, gt=0)
    """Read only so many, in the order of the files."""
    min_words: int | None = Field(None, ge=1)
    """In place of the length rule's own minimum, in words."""
    min_characters: int | None = Field(None, ge=1)
    """In place of the length rule's own minimum for languages without spaces, in characters."""
    cleaning: dict[str, dict[str, Any] | None] = Field({})
    """Rule -> settings in place of those that the corpus has for it; null switches it off for this source."""
    weight: float = Field(1.0, ge=0.0)
    """How often its documents are read in pretraining, relative to those of a source of weight 1, where a stage does
    not name its own `sources`; 0: they are in the corpus and the tokenizer's sample only."""


TextUnit = Literal["file", "paragraph", "line"]


class FileFields(SourceFields):
    """Settings of every kind of source that reads files."""

    unit: TextUnit = "file"
    """What one document is in a txt file: all of it, a paragraph (ended by an empty line), or a line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One document as its source gave it."""

    text: str
    """With a defect: the beginning of what was there, bytes that are not UTF-8 as \\xNN."""
    title: str | None
    origin: str
    """File and row, as a person finds it again: 'news.jsonl.gz:17'."""
    defect: str | None = None
    """Why it cannot be used, as its reader says: 'not_utf8', 'line_too_long', 'open_quote', 'too_many_cells',
    'not_csv', 'not_json', 'no_text', 'no_main_text'. It is counted and left out."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A document whose text is still to be taken out of it; becomes one `Row`."""

    content: bytes
    kind: str
    """A name of `EXTRACTORS`."""
    hint: str
    """What helps to read it; each extractor says what."""
    title: str | None
    origin: str


Document = Row | Markup


@dataclass(frozen=True, slots=True)
class Part:
    """What of a source is read in one go: a file, a member of an archive, the answer to a query."""

    key: str | None
    """Equal for parts that give the same documents; None where that is not known before they are read."""
    documents: Callable[[], Iterator[Document]]


def defective(content: bytes, origin: str, defect: str) -> Row:
    """The row of what cannot be used, with the beginning of what was there."""
    return Row(content[:SAMPLE_CHARACTERS].decode("utf-8", "backslashreplace"), None, origin, defect)


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
        sample = text[:SAMPLE_CHARACTERS].encode("utf-8", "backslashreplace").decode()
        return Row(sample, None, origin, "not_utf8")
    return Row(text, title, origin)


def part_key(content: Any, config: SourceFields) -> str:
    """The key of a part: of JSON that identifies its content, and of the settings that say what its documents are."""
    settings = config.model_dump(mode="json", include={"text", "title", "unit", "tagged", "headed"})
    return hashlib.sha256(json.dumps([content, settings], sort_keys=True).encode()).hexdigest()


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
    def parts(self) -> Iterator[Part]:
        """All parts, always in the same order; their documents too. What is not asked for is not opened.

        Raises:
            SourceError: a file is missing, broken, or not what the recipe says; also while documents are read.
        """


def default_cache() -> Path:
    """`STAGELM_CACHE`, or ~/.cache/stagelm."""
    return Path(os.environ.get("STAGELM_CACHE") or Path.home() / ".cache" / "stagelm")
