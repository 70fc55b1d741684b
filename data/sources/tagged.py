"""Corpora whose words carry their parts of speech, read as the text that was tagged.

The format is that of the People's Daily corpus of Peking University and of the Brown corpus: words apart, each followed
by a slash and its tag; names of several words in brackets with a tag of their own, '[中国/ns 政府/n]nt'.
"""

import re

_MARK = re.compile(r"(?<!\S)\[(?!/)|/[^\s/\]]+(?:\][^\s/]+)?(?=\s|\Z)")
"""The bracket that opens a name, or a word's tag and with it what closes the name. A slash may itself be a word."""
_WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003134f"
"""Han, kana, and the punctuation and full-width forms that are written with them."""
_SEAM = re.compile(rf"(?<=[{_WIDE}])[ \t]+|[ \t]+(?=[{_WIDE}])")


def untagged(text: str) -> str:
    """Takes the tags off and joins the words: with a space between them, or none where the script has none.

    So '迈向/v 新/a 世纪/n' is '迈向新世纪', and 'The/at jury/nn said/vbd' is 'The jury said'.
    """
    return _SEAM.sub("", _MARK.sub("", text))
