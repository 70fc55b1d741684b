"""Fixed strings, looked for all at once: which spans of a column hold one of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.text.kernel import kernel


class Needles:
    """Strings of at least two bytes, looked for without regard to the case of ASCII letters."""

    def __init__(self, strings: Iterable[str]) -> None:
        needles = sorted({string.encode().lower() for string in strings})  # bytes: ASCII letters alone are lowered
        self._data = np.frombuffer(b"".join(needles), dtype=np.uint8)
        self._offsets = np.cumsum([0, *map(len, needles)], dtype=np.int64)
        self._first = np.zeros(2**16 + 1, dtype=np.int64)
        """Needles whose first two bytes make the number p are `_first[p]` to `_first[p + 1]`."""
        np.add.at(self._first, [256 * needle[0] + needle[1] + 1 for needle in needles], 1)
        self._first = np.cumsum(self._first)

    def found(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], wanted: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(S,) whether the span `data[starts[i]:ends[i]]` holds one; false where it is not `wanted`."""
        result = np.zeros(len(starts), dtype=np.bool_)
        _find(data, starts, ends, wanted, self._data, self._offsets, self._first, result)
        return result


def count_occurrences(data: NDArray[np.uint8], offsets: NDArray[np.int64], needle: bytes) -> NDArray[np.int64]:
    """(N,) how often each text `data[offsets[i]:offsets[i + 1]]` holds the bytes, without overlaps."""
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    _count(data, offsets, np.frombuffer(needle, dtype=np.uint8), counts)
    return counts


@kernel
def _count(data: Any, offsets: Any, needle: Any, counts: Any) -> None:
    size = len(needle)
    for document in range(len(counts)):
        at, last = offsets[document], offsets[document + 1] - size
        while at <= last:
            place = 0
            while place < size and data[at + place] == needle[place]:
                place += 1
            counts[document] += place == size
            at += size if place == size else 1


@kernel
def _lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@kernel
def _find(data: Any, starts: Any, ends: Any, wanted: Any, needles: Any, offsets: Any, first: Any, result: Any) -> None:
    for span in range(len(starts)):
        if not wanted[span]:
            continue
        pair = 0
        end = ends[span]
        for at in range(starts[span], end):
            pair = (pair & 0xFF) << 8 | _lower(np.int64(data[at]))
            for needle in range(first[pair], first[pair + 1]):
                place, left = at + 1, offsets[needle] + 2
                while left < offsets[needle + 1] and place < end and _lower(np.int64(data[place])) == needles[left]:
                    place += 1
                    left += 1
                if left == offsets[needle + 1] and at > starts[span]:
                    result[span] = True
            if result[span]:
                break
