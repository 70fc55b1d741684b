"""From the parts of a source to its rows: what is known is passed over, what is markup becomes text."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from data.extraction.pool import MAX_PROCESSES, Extraction, shared_pool
from data.sources.formats import read_documents
from data.sources.headings import under_headings
from data.sources.source import Document, FileFields, Markup, Part, Row, SourceFields, defective
from data.sources.tagged import untagged

MOST_WAITING = 2 * MAX_PROCESSES
"""Documents held while the first of them is extracted."""


@dataclass
class Ledger:
    """Which parts of a source were read by earlier corpora, and which are read now."""

    known: Mapping[str, int] = field(default_factory=dict)
    """Key of each part that an earlier corpus read to its end -> its documents."""
    read: dict[str, int] = field(default_factory=dict)
    """The same of those read now."""
    skipped: int = 0
    """Documents of the known parts, which are not opened again."""


def documents(parts: Iterator[Part], config: SourceFields, ledger: Ledger) -> Iterator[Document]:
    """The documents of the parts that are not known, in the shape that the source's settings give them.

    `max_documents` counts known ones too, so that it means the same documents whatever is known.
    """
    left = float("inf") if config.max_documents is None else config.max_documents
    for part in parts:
        if left <= 0:
            return
        if part.key is not None and part.key in ledger.known:
            number = ledger.known[part.key]
            ledger.skipped += int(min(number, left))
            left -= number
            continue
        number = 0
        for document in _shaped(part.documents(), config):
            yield document
            number += 1
            if number >= left:  # whether the part has more is not known
                return
        left -= number
        if part.key is not None:
            ledger.read[part.key] = number


def _shaped(found: Iterator[Document], config: SourceFields) -> Iterator[Document]:
    if not (config.tagged or config.headed):
        return found
    rows = extracted(found)
    if config.tagged:
        rows = (replace(row, text=untagged(row.text)) for row in rows)
    return under_headings(rows) if config.headed else rows


def extracted(found: Iterator[Document]) -> Iterator[Row]:
    """The rows in their order, markup read by other processes meanwhile."""
    waiting: deque[Row | tuple[Markup, Future[Extraction]]] = deque()
    for document in found:
        waiting.append(document if isinstance(document, Row) else (document, _promised(document)))
        while waiting and (isinstance(waiting[0], Row) or len(waiting) > MOST_WAITING):
            yield _row(waiting.popleft())
    yield from map(_row, waiting)


def _promised(markup: Markup) -> Future[Extraction]:
    return shared_pool().submit(markup.kind, markup.content, markup.hint)


def _row(waiting: Row | tuple[Markup, Future[Extraction]]) -> Row:
    if isinstance(waiting, Row):
        return waiting
    markup, promise = waiting
    extraction = promise.result()
    if extraction.defect is not None:
        return defective(markup.content, markup.origin, extraction.defect)
    return Row(extraction.text, markup.title, markup.origin)


def read_rows(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Row]:
    """The rows of one open file; see `read_documents`."""
    return extracted(read_documents(stream, name, config))
