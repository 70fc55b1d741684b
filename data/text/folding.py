"""Texts without white space and case, in one pass over the bytes: what exact duplicates are equal in."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.text.kernel import code_point, kernel

_LIMIT = 0x1E944
"""No code point from here on has another case, or is white space."""
_DROPPED, _SEVERAL = 0xFFFF_FFFF, 0xFFFF_FFFE


@lru_cache(maxsize=1)
def _folded() -> NDArray[np.uint32]:
    """By code point the one that stands for it in `str.casefold`; white space goes, some become several."""
    folded = np.arange(_LIMIT, dtype=np.uint32)
    for code in range(_LIMIT):
        character = chr(code)
        if character.isspace():
            folded[code] = _DROPPED
        elif (other := character.casefold()) != character:
            folded[code] = ord(other) if len(other) == 1 else _SEVERAL
    return folded


def without_case_and_space(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[bytes | memoryview]:
    """For each text `data[offsets[i]:offsets[i + 1]]` the UTF-8 of `"".join(text.casefold().split())`."""
    output = np.empty(3 * int(offsets[-1] - offsets[0]) // 2 + 1, dtype=np.uint8)  # at most from two bytes to three
    ends = np.zeros(len(offsets), dtype=np.int64)
    several = np.zeros(len(offsets) - 1, dtype=np.bool_)
    _fold(data, offsets, _folded(), output, ends, several)
    view = output.data
    return [
        "".join(data[offsets[row] : offsets[row + 1]].tobytes().decode().casefold().split()).encode()
        if several[row]
        else view[ends[row] : ends[row + 1]]
        for row in range(len(several))
    ]


@kernel
def _fold(data: Any, offsets: Any, folded: Any, output: Any, ends: Any, several: Any) -> None:
    size = 0
    for document in range(len(several)):
        at, end = offsets[document], offsets[document + 1]
        while at < end:
            byte = data[at]
            if byte < 0x80:
                at += 1
                other = folded[byte]
                if other != _DROPPED:
                    output[size] = other
                    size += 1
                continue
            character, width = code_point(data, at)
            other = folded[character] if character < _LIMIT else np.uint32(character)
            if other == character:
                for place in range(at, at + width):
                    output[size] = data[place]
                    size += 1
            elif other == _SEVERAL:
                several[document] = True
            elif other != _DROPPED:
                size = _write(output, size, np.int64(other))
            at += width
        ends[document + 1] = size


@kernel
def _write(output: Any, size: int, character: int) -> int:
    """Writes a character as UTF-8, and returns where the next one goes."""
    if character < 0x80:
        output[size] = character
        return size + 1
    if character < 0x800:
        output[size] = 0xC0 | character >> 6
        output[size + 1] = 0x80 | character & 0x3F
        return size + 2
    if character < 0x10000:
        output[size] = 0xE0 | character >> 12
        output[size + 1] = 0x80 | character >> 6 & 0x3F
        output[size + 2] = 0x80 | character & 0x3F
        return size + 3
    output[size] = 0xF0 | character >> 18
    output[size + 1] = 0x80 | character >> 12 & 0x3F
    output[size + 2] = 0x80 | character >> 6 & 0x3F
    output[size + 3] = 0x80 | character & 0x3F
    return size + 4
