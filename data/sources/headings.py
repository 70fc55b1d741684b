"""Documents out of lines that follow each other without a break: newspapers and books as one file of paragraphs."""

import re
from collections.abc import Iterator

from data.sources.source import Row

_HEADING_CHARACTERS = 60
_SENTENCE = re.compile(r"[\u3002\uff01\uff1f\uff1b!?;]|\.(?:\s|$)")
_OPEN_END = re.compile(r"[\uff1a\uff0c\u3001\u2026\u2014:,]$")
_NOTE = re.compile(r"[\uff08(].*[\uff09)]$")
"""A line in brackets, such as a photographer's name: it belongs to what is before it."""


def is_heading(line: str) -> bool:
    """Whether a line without surrounding space is short, holds no sentence and leads into none."""
    if not line or len(line) > _HEADING_CHARACTERS or _NOTE.match(line):
        return False
    return _SENTENCE.search(line) is None and _OPEN_END.search(line) is None


def under_headings(lines: Iterator[Row]) -> Iterator[Row]:
    """One row for each heading and what stands under it; headings that follow each other make one document.

    Its title is the first heading, which stays in the text. What precedes all headings is a document without a title,
    and defective rows pass through.
    """
    document: list[Row] = []
    has_body = False
    for row in lines:
        if row.defect:
            yield row
            continue
        heading = is_heading(row.text.strip())
        if heading and has_body:
            yield _joined(document)
            document, has_body = [], False
        document.append(row)
        has_body |= not heading
    if document:
        yield _joined(document)


def _joined(document: list[Row]) -> Row:
    first = document[0].text.strip()
    return Row("\n".join(row.text for row in document), first if is_heading(first) else None, document[0].origin)
