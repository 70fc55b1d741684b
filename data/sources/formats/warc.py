"""Formats .warc and .wet: what a crawler got, or the text that was taken out of it; parsed by warcio.

Answers are documents: those with a page become its main text, others are counted under why they have none. Requests,
metadata and repeated answers are none.
"""

import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from data.sources.formats.format import BrokenFile
from data.sources.formats.pages import MARKUP_LIMIT_BYTES, page
from data.sources.source import Document, FileFields, Row, defective

if TYPE_CHECKING:
    from warcio.recordloader import ArcWarcRecord

HEADER_LIMIT_BYTES = 2**20
_PAGES = ("text/html", "application/xhtml+xml")
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
"""Content encodings whose decoders expand within bounds."""


def read_warc(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Document]:
    """One document an answer (record `response`) and a text (record `conversion`)."""
    from warcio.archiveiterator import ArchiveIterator  # here, because only those who read crawls need it
    from warcio.exceptions import ArchiveLoadFailed

    guarded = _Guarded(stream)
    records = iter(ArchiveIterator(guarded))
    try:
        while True:
            guarded.left = HEADER_LIMIT_BYTES
            record = next(records, None)
            guarded.left = None
            if record is None:
                return
            if record.rec_type in ("response", "conversion"):
                yield _document(record, name)
            _finish(record)
    except (ArchiveLoadFailed, UnicodeError) as error:
        raise BrokenFile(str(error) or type(error).__name__) from error


def _document(record: "ArcWarcRecord", name: str) -> Document:
    origin = f"{name}:{record.rec_headers.get_header('WARC-Target-URI') or 'no address'}"
    if record.rec_type == "conversion":
        return _text(record.raw_stream.read(MARKUP_LIMIT_BYTES + 1), origin)
    headers = record.http_headers
    if headers is None:
        return Row("", None, origin, "not_html")
    if not (headers.get_statuscode() or "").startswith("2"):
        return Row("", None, origin, "http_status")
    media, _, parameters = (headers.get_header("Content-Type") or "").lower().partition(";")
    if media.strip() not in _PAGES:
        return Row("", None, origin, "not_html")
    if (headers.get_header("Content-Encoding") or "").strip().lower() not in _ENCODINGS:
        return Row("", None, origin, "content_encoding")
    try:
        content = record.content_stream().read(MARKUP_LIMIT_BYTES + 1)
    except (OSError, ValueError, zlib.error):
        return Row("", None, origin, "content_encoding")
    return page(content, parameters.partition("charset=")[2].strip(" \"'"), origin)


def _text(content: bytes, origin: str) -> Row:
    if len(content) > MARKUP_LIMIT_BYTES:
        return Row("", None, origin, "too_large")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return defective(content, origin, "not_utf8")
    return Row(text, None, origin) if text.strip() else Row("", None, origin, "no_text")


def _finish(record: "ArcWarcRecord") -> None:
    """Reads what is left of a record, in pieces.

    Raises:
        BrokenFile: the file ends before the record does.
    """
    while record.raw_stream.read(2**18):
        pass
    if getattr(record.raw_stream, "limit", 0) > 0:
        raise BrokenFile(f"it ends {record.raw_stream.limit:,} bytes before its last record does")


class _Guarded(io.RawIOBase):
    """Lets so much of a stream be read as is `left`: between two records no more than a header can take."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.left: int | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Reads as the stream does.

        Raises:
            BrokenFile: the bound is passed.
        """
        chunk = self._stream.read(size)
        if self.left is not None:
            self.left -= len(chunk)
            if self.left < 0:
                raise BrokenFile(f"no record within {HEADER_LIMIT_BYTES:,} bytes")
        return chunk
