"""Texts to ids: the loop that cuts them into segments, and what it remembers of those met before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.tokenizer.lookup import CLASS_BITS, ID_BITS, LOW, MULTIPLIER, borrowed, character, find, inner, joined, kernel
from data.tokenizer.paths import FARTHEST, Work, borrowed_tables, borrowed_work, encode_segment, new_work

_INLINE_BITS = 21
_INLINE_IDS = 3
_KEY_BYTES = 16
_LONGEST_BYTES = 64
"""Longer segments are encoded anew wherever they stand: they hardly ever come again."""
_ROWS = 2**19
_ARENA = 2**21
CACHE_BYTES = 32 * _ROWS + 4 * _ARENA
"""What one thread remembers segments in. When half of its rows are taken, all are forgotten."""
_MARKS = np.array([0, 0, 0x80 << 8, 0xC0 << 16, 0xE0 << 24], dtype=np.uint64)
"""Bytes of a character -> what its code point is marked with, so that what begins in a key tells how long it is."""


class Cache(NamedTuple):
    """Segments met before, with their ids."""

    rows: NDArray[np.int64]
    """(rows, 4) with open addressing: the last 16 bytes of the segment in two numbers; its facts (0: an empty row); its
    ids, if they are few. A row is half a cache line, and mostly all there is to read. The facts are, from the lowest
    bit: bytes of the segment (7 bits), ids (7), how far from 0 the sum before may be for them to be certain, plus one
    (18), and the place in the arena of what has no room in the row."""
    arena: NDArray[np.int32]
    """The ids that are not in the row, after the bytes of the segment."""
    used: NDArray[np.int64]
    """(2,): rows, places of the arena."""
    work: Work
    """Room to encode a segment that is not here."""


def new_cache(rows: int = _ROWS, arena: int = _ARENA) -> Cache:
    """Returns an empty cache; the number of rows is a power of two."""
    return Cache(
        rows=np.zeros((rows, 4), dtype=np.int64),
        arena=np.empty(arena, dtype=np.int32),
        used=np.zeros(2, dtype=np.int64),
        work=new_work(2 * _LONGEST_BYTES),
    )


@kernel
def _fixed_at(tables: Any, data: Any, start: Any, stop: Any) -> Any:
    """Returns the number of the longest fixed string that begins here (-1: none does), and where it ends."""
    number, end = np.int64(-1), start
    node, place = np.int64(0), start
    while place < stop:
        code, size = character(data, place)
        found = find(tables.fixed_trie, (node << CLASS_BITS) | np.int64(tables.class_of[code]))
        if found < 0:
            break
        node, place = found >> ID_BITS, place + size
        if found & LOW:
            number, end = (found & LOW) - 1, place
    return number, end


@kernel
def _write_fixed(tables: Any, data: Any, start: Any, stop: Any, ids: Any, written: Any) -> Any:
    """Writes the ids of the longest fixed string that begins here; returns where it ends, and what is written then."""
    number, end = _fixed_at(tables, data, start, stop)
    if number >= 0:
        for place in range(tables.fixed_offsets[number], tables.fixed_offsets[number + 1]):
            ids[written] = tables.fixed_ids[place]
            written += 1
    return end, written


@kernel
def _goes_on(tables: Any, data: Any, last: Any, following: Any, place: Any, stop: Any) -> Any:
    """Whether what begins here may lie in a piece with the last character, and is no fixed string."""
    return joined(tables.joins, last, following) and _fixed_at(tables, data, place, stop)[0] < 0


@inner
def _segment(tables: Any, data: Any, start: Any, stop: Any, high: Any, low: Any) -> Any:
    """Goes on from the character at `start`, which belongs to the segment, to where it ends or might end.

    Returns:
        That place, the class of the last character and of the one after it (0 at `stop`), and in two numbers the last
        16 bytes: `high` and `low`, which are those before `start`, brought forward.
    """
    class_of, joins, starts_fixed = tables.class_of, tables.joins, tables.starts_fixed
    code, size = character(data, start)
    current = class_of[code]
    shift = np.uint64(8 * size)
    high = (high << shift) | (low >> (np.uint64(64) - shift))
    low = (low << shift) | np.uint64(code) | _MARKS[size]
    place = start + size
    following = np.int32(0)
    while place < stop:
        code, size = character(data, place)
        following = class_of[code]
        if starts_fixed[following] or not joined(joins, current, following):
            break
        shift = np.uint64(8 * size)
        high = (high << shift) | (low >> (np.uint64(64) - shift))
        low = (low << shift) | np.uint64(code) | _MARKS[size]
        current, following = following, np.int32(0)
        place += size
    return place, current, following, high, low


@inner
def _home(rows: Any, high: Any, low: Any) -> Any:
    """Returns the row where a segment is looked for first."""
    mixed = (np.uint64(low) ^ (np.uint64(high) * MULTIPLIER)) * MULTIPLIER
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(rows.shape[0] - 1))


@inner
def _look_up(rows: Any, arena: Any, data: Any, start: Any, end: Any, high: Any, low: Any) -> Any:
    """Returns the row of the segment, or where it could be put: -1 minus that row."""
    size = end - start
    row = _home(rows, high, low)
    while rows[row, 2]:
        if rows[row, 0] == low and rows[row, 1] == high and rows[row, 2] & 127 == size:
            place = 0
            if size > _KEY_BYTES:
                text = (rows[row, 2] >> 32) - size
                while place < size and arena[text + place] == data[start + place]:
                    place += 1
            if size <= _KEY_BYTES or place == size:
                return row
        row = (row + 1) & (rows.shape[0] - 1)
    return -1 - row


@inner
def _remember(
    cache: Any, row: Any, data: Any, start: Any, end: Any, high: Any, low: Any, ids: Any, count: Any, limit: Any
) -> None:
    """Puts a segment into an empty row; forgets all others first if there is no room."""
    size = end - start
    rows, arena, used = cache.rows, cache.arena, cache.used
    if 2 * used[0] == rows.shape[0] or used[1] + size + count > len(arena):
        rows[:] = 0
        used[:] = 0
        row = _home(rows, high, low)
    if size > _KEY_BYTES or count > _INLINE_IDS:
        for place in range(size):
            arena[used[1] + place] = data[start + place]
        for index in range(count):
            arena[used[1] + size + index] = ids[index]
        used[1] += size + count
    packed = np.int64(0)
    for index in range(min(count, _INLINE_IDS)):
        packed |= np.int64(ids[index]) << (_INLINE_BITS * index)
    certain = np.int64(min(max(limit, np.float32(-1.0)), FARTHEST)) + 1
    rows[row, 0], rows[row, 1], rows[row, 3] = low, high, packed
    rows[row, 2] = size | (count << 7) | (certain << 14) | ((used[1] - count) << 32)
    used[0] += 1


@inner
def _encode_known(tables: Any, cache: Any, data: Any, start: Any, stop: Any, ids: Any, written: Any, total: Any) -> Any:
    """Writes the ids of segments as long as they are remembered, certain, and away from fixed strings.

    Returns:
        Where the first other one starts, what is written then, and the sum of the text.
    """
    class_of, starts_fixed, costs, bound = tables.class_of, tables.starts_fixed, tables.costs, tables.bound
    rows, arena = cache.rows, cache.arena
    while start < stop:
        code, _ = character(data, start)
        if starts_fixed[class_of[code]]:
            break
        end, _, ahead, high, low = _segment(tables, data, start, stop, np.uint64(0), np.uint64(0))
        size = end - start
        if starts_fixed[ahead] or size > _LONGEST_BYTES:
            break
        row = _look_up(rows, arena, data, start, end, np.int64(high), np.int64(low))
        if row < 0:
            break
        facts, packed = rows[row, 2], rows[row, 3]
        if abs(total) > ((facts >> 14) & 0x3FFFF) - 1 or total - (size + 1) * bound < -FARTHEST:
            break
        count = (facts >> 7) & 127
        for index in range(count):
            token = packed & (2**_INLINE_BITS - 1) if count <= _INLINE_IDS else np.int64(arena[(facts >> 32) + index])
            packed >>= _INLINE_BITS
            ids[written] = token
            written += 1
            total += costs[token]
        start = end
    return start, written, total


@inner
def _encode_next(tables: Any, cache: Any, data: Any, start: Any, stop: Any, ids: Any, written: Any, total: Any) -> Any:
    """Writes the ids of whatever is next, a fixed string or a segment, and remembers it; returns the same."""
    starts_fixed = tables.starts_fixed
    code, _ = character(data, start)
    if starts_fixed[tables.class_of[code]]:
        end, written = _write_fixed(tables, data, start, stop, ids, written)
        if end > start:
            return end, written, np.float32(0.0)
    end, last, ahead, high, low = _segment(tables, data, start, stop, np.uint64(0), np.uint64(0))
    while starts_fixed[ahead] and _goes_on(tables, data, last, ahead, end, stop):
        end, last, ahead, high, low = _segment(tables, data, end, stop, high, low)
    size = end - start
    room = cache.work if size < len(cache.work.ids) else new_work(size + 1)
    far = total - (size + 1) * tables.bound < -FARTHEST
    row = np.int64(0)
    if size <= _LONGEST_BYTES:
        row = _look_up(cache.rows, cache.arena, data, start, end, np.int64(high), np.int64(low))
    count, limit, total = encode_segment(tables, room, data, start, end, total, far, row >= 0)
    if row < 0 and not far:
        _remember(cache, -1 - row, data, start, end, np.int64(high), np.int64(low), room.ids, count, limit)
    for index in range(count):
        ids[written + index] = room.ids[index]
    return end, written + count, total


@kernel
def encode(tables: Any, cache: Any, data: Any, offsets: Any, ids: Any) -> Any:
    """Writes the ids of the texts data[offsets[n]:offsets[n + 1]], one after another.

    Args:
        tables: the vocabulary.
        cache: of this thread alone; what is in it changes the speed only.
        data: valid UTF-8.
        offsets: (N + 1,).
        ids: room for as many as the texts have bytes.

    Returns:
        (N,): how many ids each text has.
    """
    tables, data, ids = borrowed_tables(tables), borrowed(data), borrowed(ids)
    cache = Cache(borrowed(cache.rows), borrowed(cache.arena), borrowed(cache.used), borrowed_work(cache.work))
    counts = np.empty(len(offsets) - 1, np.int64)
    written = 0
    for text in range(len(counts)):
        before = written
        start, stop = offsets[text], offsets[text + 1]
        total = np.float32(0.0)
        while start < stop:
            start, written, total = _encode_known(tables, cache, data, start, stop, ids, written, total)
            if start < stop:
                start, written, total = _encode_next(tables, cache, data, start, stop, ids, written, total)
        counts[text] = written - before
    return counts
