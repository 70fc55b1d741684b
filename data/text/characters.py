"""Characters of a column, counted by what they are."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.text.alphabet import LIMIT, alphabet
from data.text.kernel import code_point, kernel


class Characters(NamedTuple):
    """Counts for N documents; the classes are those of `data.text.alphabet`, and a character may be in several."""

    total: NDArray[np.int64]
    """(N,)."""
    spaces: NDArray[np.int64]
    letters: NDArray[np.int64]
    digits: NDArray[np.int64]
    upper: NDArray[np.int64]
    """Upper and title case."""
    unspaced: NDArray[np.int64]
    """Han and kana."""
    punctuation: NDArray[np.int64]
    symbols: NDArray[np.int64]
    marks: NDArray[np.int64]
    """Combining ones: vowel signs of Indic scripts, accents that are not composed."""


def count_characters(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Characters:
    """Counts in the texts `data[offsets[i]:offsets[i + 1]]`."""
    counts = np.zeros((len(Characters._fields), len(offsets) - 1), dtype=np.int64)
    _count(data, offsets, alphabet().classes, counts)
    return Characters(*counts)


@kernel
def _count(data: Any, offsets: Any, classes_of: Any, counts: Any) -> None:
    by_kind = np.zeros(256, dtype=np.int64)
    for document in range(len(offsets) - 1):
        at, end = offsets[document], offsets[document + 1]
        by_kind[:] = 0
        while at < end:
            character, width = code_point(data, at)
            by_kind[classes_of[character] if character < LIMIT else 0] += 1
            at += width
        for kind in range(256):
            if by_kind[kind]:
                counts[0, document] += by_kind[kind]
                for bit in range(8):
                    if kind >> bit & 1:
                        counts[1 + bit, document] += by_kind[kind]
