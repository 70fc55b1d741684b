"""Words of any text, whether its language puts spaces between them or not."""

import re

UNSPACED = (
    "\u3040-\u30ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003134f"  # Han, supplementary planes
)
"""Inside of a character class: what is a word of its own."""
_CHARACTER = re.compile(f"[{UNSPACED}]")
_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")


def is_unspaced(text: str) -> bool:
    """Whether more than half of the text's first 1,000 characters are Han or kana: its words are then characters."""
    head = text[:1000]
    return not head.isascii() and 2 * len(_CHARACTER.findall(head)) > len(head)


def split_words(text: str) -> list[str]:
    """Splits at white space, and around every Han or kana character: each is a word of its own.

    Punctuation stays with its neighbours, so "你好，world!" gives 你, 好, "，world!".
    """
    if text.isascii() or _CHARACTER.search(text) is None:
        return text.split()
    return _WORD.findall(text)
