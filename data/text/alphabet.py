"""What a character is, by code point: Python's own answers, so that compiled loops agree with `str` and `re`."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.language import UNSPACED

SPACE, LETTER, DIGIT, UPPER, UNSPACED_CHARACTER, PUNCTUATION, SYMBOL, MARK = (1 << bit for bit in range(8))
r"""Classes; a character may be in several.

White space as in `str.split`; letters as in `[^\W\d_]`; decimal digits as in `\d`; what has a lower-case form; Han and
kana, which are words of their own; Unicode's categories P, S and M.
"""
LIMIT = 0x31350
"""No code point from here on is in any class."""

_MIXED = ((0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x20000))
"""Where there is more than Han, Hangul and surrogates."""
_CATEGORIES = {"P": PUNCTUATION, "S": SYMBOL, "M": MARK}


class Alphabet(NamedTuple):
    """Tables by code point, below `LIMIT`."""

    classes: NDArray[np.uint8]
    """The sum of the classes it is in."""
    folded: NDArray[np.uint32]
    """Its lower case, one character for one; both small sigmas are the same."""


@lru_cache(maxsize=1)
def alphabet() -> Alphabet:
    """The tables, made once per process."""
    characters = "".join(map(chr, range(LIMIT)))
    classes = np.zeros(LIMIT, dtype=np.uint8)
    for start, end in _MIXED:
        kinds = [_CATEGORIES.get(unicodedata.category(character)[0], 0) for character in characters[start:end]]
        classes[start:end] = kinds
    patterns = {SPACE: r"\s", LETTER: r"[^\W\d_]", DIGIT: r"\d", UNSPACED_CHARACTER: f"[{UNSPACED}]"}
    for bit, pattern in patterns.items():
        for run in re.finditer(f"(?:{pattern})+", characters):
            classes[run.start() : run.end()] |= bit
    lower = characters.replace("İ", "i").lower()  # the only one whose lower case is two characters
    folded = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).copy()
    classes[folded != np.arange(LIMIT)] |= UPPER
    folded[[ord("Σ"), ord("ς")]] = ord("σ")  # which of the two stands at the end of a word says nothing of the word
    return Alphabet(classes, folded)
