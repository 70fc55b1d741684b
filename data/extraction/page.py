"""Markup `html`: the article of a web page, without navigation, advertisements and comments.

Extraction is trafilatura's (Barbaresi 2021, "Trafilatura: a web scraping library and command-line tool for text
discovery and extraction", ACL demos), the best of the free ones on its own and on others' annotated pages.
"""

import codecs
import re
from collections.abc import Iterator

_WIDER = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
"""Encoding -> the one that pages mean which declare it, as browsers do (WHATWG, Encoding Standard, section 4.2): with
quotation marks and dashes where Latin-1 has control characters, and with all of the Chinese that GB 2312 leaves out."""
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HEAD_BYTES = 4_096


def main_text(content: bytes, hint: str) -> str:
    """The text of a page, a paragraph a line.

    Args:
        content: the page as it was stored.
        hint: the character set that the server named, or ''.
    """
    import trafilatura  # here, because only the processes that extract need it

    # `deduplicate` stays off: it would compare a page with those before it, and so depend on their order.
    text: str | None = trafilatura.extract(_decoded(content, hint), include_comments=False, deduplicate=False)
    return text or ""


def _decoded(content: bytes, named: str) -> str | bytes:
    """The page in the first encoding that it is wholly in: UTF-8, its own, the server's; else left to be guessed."""
    declared = _DECLARED.search(content[:_HEAD_BYTES])
    for encoding in ("utf-8-sig", *_meant(declared[1].decode() if declared else ""), *_meant(named)):
        try:
            return content.decode(encoding)
        except (UnicodeError, LookupError):  # Python knows encodings that are none of text
            continue
    return content


def _meant(name: str) -> Iterator[str]:
    """Yields the encodings that a name may stand for; none for an empty or made-up one."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return
    if known in _WIDER:
        yield _WIDER[known]
    yield known
