"""How texts are split for metrics that count words: characters where a script is written without spaces."""

import re

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han."""
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_PIECES = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]+")


def words(text: str) -> list[str]:
    """Returns words, numbers, and single characters of scripts without spaces; punctuation is dropped."""
    return _WORDS.findall(text)


def pieces(text: str) -> list[str]:
    """Returns the same with runs of punctuation as pieces of their own; of a spaced script nltk's `wordpunct`."""
    return _PIECES.findall(text)
