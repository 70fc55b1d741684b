"""Markup `html`: the article of a web page, without navigation, advertisements and comments.

Extraction is trafilatura's (Barbaresi 2021, "Trafilatura: a web scraping library and command-line tool for text
discovery and extraction", ACL demos), the best of the free ones on its own and on others' annotated pages.
"""

import re

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
    for encoding in ("utf-8-sig", declared[1].decode() if declared else "", named):
        try:
            return content.decode(encoding)
        except (UnicodeError, LookupError):  # an empty or made-up name is unknown
            continue
    return content
