"""Maps of whole numbers, tries and sets of pairs, as compiled code reads them.

A *map* is an array (slots, 2) of keys and values with open addressing; a key of -1 is an empty slot. Compiled code is
kept on disk and made anew when the file it stands in changes, but not when one changes that it calls: who changes a
loop of this folder removes `__pycache__` (`make clean`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True)
inner = njit(cache=True, nogil=True, inline="always")

CLASS_BITS = 21
ID_BITS = 32
LOW = 2**32 - 1
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads neighbouring keys


@intrinsic
def borrowed(typing_context: Any, array: Any) -> Any:
    """Returns the same array, whose references are not counted: whoever called keeps it alive.

    Counting costs more than all else where arrays are handed on at every segment of a text.
    """

    def without_owner(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(array)(context, builder, value=arguments[0])
        held.meminfo = cgutils.get_null_value(held.meminfo.type)
        return held._getvalue()

    return array(array), without_owner


def new_map(entries: int) -> NDArray[np.int64]:
    """Returns an empty map with room for so many entries."""
    return np.full((max(4, 1 << (2 * entries).bit_length()), 2), -1, dtype=np.int64)


def join_words(pairs: int) -> int:
    """Returns how many words of bits to give so many pairs: 32 bits a pair let 3 % of the other pairs seem joined."""
    return max(1, 1 << (pairs // 2).bit_length())


@inner
def _slot(key: Any, slots: Any) -> Any:
    mixed = np.uint64(key) * MULTIPLIER
    return np.int64(mixed >> np.uint64(32)) & (slots - 1)


@inner
def find(table: Any, key: Any) -> Any:
    """Returns the value, -1 where there is none."""
    slots = table.shape[0]
    slot = _slot(key, slots)
    while table[slot, 0] != -1:
        if table[slot, 0] == key:
            return table[slot, 1]
        slot = (slot + 1) & (slots - 1)
    return np.int64(-1)


@kernel
def _put(table: Any, key: Any, value: Any) -> None:
    slots = table.shape[0]
    slot = _slot(key, slots)
    while table[slot, 0] != -1 and table[slot, 0] != key:
        slot = (slot + 1) & (slots - 1)
    table[slot, 0] = key
    table[slot, 1] = value


@kernel
def fill_map(table: Any, keys: Any, values: Any) -> None:
    """Puts all values in."""
    for index in range(len(keys)):
        _put(table, keys[index], values[index])


def pair_keys(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the keys of `Tables.pairs`."""
    return (left << ID_BITS) | right


@kernel
def grow_trie(trie: Any, letters: Any, offsets: Any, values: Any) -> None:
    """Adds words, given as letters[offsets[w]:offsets[w + 1]], with their values."""
    nodes = 1
    for word in range(len(values)):
        node = 0
        for place in range(offsets[word], offsets[word + 1]):
            key = (node << CLASS_BITS) | letters[place]
            found = find(trie, key)
            if found < 0:
                found = nodes << ID_BITS
                nodes += 1
            if place == offsets[word + 1] - 1:
                found |= values[word] + 1
            _put(trie, key, found)
            node = found >> ID_BITS


@inner
def _join_place(left: Any, right: Any) -> Any:
    return ((np.uint64(left) << np.uint64(CLASS_BITS)) | np.uint64(right)) * MULTIPLIER


@kernel
def join(joins: Any, left: Any, right: Any) -> None:
    """Sets the bits of the pairs."""
    for index in range(len(left)):
        place = _join_place(left[index], right[index])
        word = np.int64(place >> np.uint64(38)) & (len(joins) - 1)
        joins[word] |= np.uint64(1) << ((place >> np.uint64(32)) & np.uint64(63))


@inner
def joined(joins: Any, left: Any, right: Any) -> Any:
    """Whether two classes may stand side by side in a piece; false only where none has them so."""
    place = _join_place(left, right)
    word = np.int64(place >> np.uint64(38)) & (len(joins) - 1)
    return (joins[word] >> ((place >> np.uint64(32)) & np.uint64(63))) & np.uint64(1) != np.uint64(0)


@inner
def character(data: Any, place: Any) -> Any:
    """Returns the code point at this place of valid UTF-8, and its bytes."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, 1
    second = np.int64(data[place + 1]) & 0x3F
    if first < 0xE0:
        return ((first & 0x1F) << 6) | second, 2
    third = np.int64(data[place + 2]) & 0x3F
    if first < 0xF0:
        return ((first & 0x0F) << 12) | (second << 6) | third, 3
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (np.int64(data[place + 3]) & 0x3F), 4
