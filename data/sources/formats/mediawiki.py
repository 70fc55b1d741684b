"""Format .xml: a dump of a MediaWiki, such as Wikipedia's pages-articles.

Read by expat as a stream. A document type declaration, which such dumps do not have, is refused, and with it every
entity that could grow or point elsewhere. Nothing is held but the page that is being read.
"""

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from data.sources.formats.format import BrokenFile
from data.sources.formats.pages import MARKUP_LIMIT_BYTES
from data.sources.source import Document, FileFields, Markup, Row

MAX_TITLE_CHARACTERS = 255
_CHUNK_BYTES = 2**18
_ARTICLE, _FILE, _CATEGORY = "0", "6", "14"
_KEPT = ("title", "ns", "model", "text")
"""Elements whose content is wanted; of a page's revisions the last one counts."""


def read_mediawiki(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Document]:
    """One document a page; redirects and pages that are no articles are counted as such."""
    dump = _Dump(name)
    fed = 0
    while chunk := stream.read(_CHUNK_BYTES):
        dump.feed(chunk)
        fed += len(chunk)
        if fed - dump.parser.CurrentByteIndex > MARKUP_LIMIT_BYTES + _CHUNK_BYTES:
            raise BrokenFile(f"a tag of more than {MARKUP_LIMIT_BYTES:,} bytes")
        yield from dump.pages
        dump.pages.clear()
    dump.feed(b"", last=True)
    yield from dump.pages
    if not dump.is_wiki:
        raise BrokenFile("no dump of a MediaWiki, the one kind of .xml that is read: it holds no <mediawiki>")


class _Dump:
    """Gathers pages from the parser's events."""

    def __init__(self, name: str) -> None:
        self.pages: list[Document] = []
        self.is_wiki = False
        self._name = name
        self._namespaces: list[str] = []
        self._page: dict[str, str] = {}
        self._too_large = False
        self._pieces: list[str] | None = None
        self._size = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self.parser.Parse(chunk, last)
        except BrokenFile:
            raise
        except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that is none
            raise BrokenFile(f"not XML: {error}") from error

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        match element:
            case "mediawiki":
                self.is_wiki = True
            case "page":
                self._page, self._too_large = {}, False
            case "redirect":
                self._page["redirect"] = ""
            case "namespace" if attributes.get("key") in (_FILE, _CATEGORY):
                self._pieces, self._size = [], 0
            case _ if element in _KEPT:
                self._pieces, self._size = [], 0

    def _characters(self, text: str) -> None:
        if self._pieces is not None:
            self._size += len(text)
            if self._size <= MARKUP_LIMIT_BYTES:
                self._pieces.append(text)

    def _end(self, element: str) -> None:
        if element == "page":
            self.pages.append(self._document())
        elif self._pieces is not None and element in (*_KEPT, "namespace"):
            content, self._pieces = "".join(self._pieces), None
            if element == "namespace":
                self._namespaces.append(content)
            else:
                self._page[element] = content
                if element == "text":
                    self._too_large = self._size > MARKUP_LIMIT_BYTES

    def _document(self) -> Document:
        page = self._page
        title = page.get("title", "").strip()[:MAX_TITLE_CHARACTERS]
        origin = f"{self._name}:{title or 'no title'}"
        text = page.get("text", "")
        if self._too_large:
            return Row("", None, origin, "too_large")
        if page.get("ns", _ARTICLE).strip() != _ARTICLE or page.get("model", "wikitext").strip() != "wikitext":
            return Row("", None, origin, "not_an_article")
        if "redirect" in page or text.lstrip()[:9].upper() == "#REDIRECT":
            return Row("", None, origin, "redirect")
        if not text.strip():
            return Row("", None, origin, "no_text")
        return Markup(text.encode(), "wikitext", "|".join(self._namespaces), title or None, origin)

    def _refuse(self, *_: object) -> None:
        raise BrokenFile("it declares a document type, which dumps of a MediaWiki do not")
