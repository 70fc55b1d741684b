"""One segment to ids, as sentencepiece cuts it: the most probable path (unigram), or merges in their order (bpe)."""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.tokenizer.lookup import CLASS_BITS, ID_BITS, LOW, borrowed, character, find, inner, kernel

FARTHEST = np.float32(100_000.0)
"""Where a sum falls below minus this, sentencepiece goes on from 0: 32 bits would hold too little of what is added."""


class Tables(NamedTuple):
    """A vocabulary of V pieces, C classes of characters and F fixed strings."""

    class_of: NDArray[np.int32]
    """Code point -> class."""
    starts_fixed: NDArray[np.bool_]
    """(C,): a fixed string begins with it."""
    joins: NDArray[np.uint64]
    """A power of two of words: the bits of the pairs of classes that stand side by side in some piece."""
    trie: NDArray[np.int64]
    """Map of the pieces: (node, class) -> (next node, id of the piece that ends there, plus one)."""
    fixed_trie: NDArray[np.int64]
    """The same of the fixed strings, with their numbers."""
    fixed_ids: NDArray[np.int32]
    """The ids of all fixed strings, one after another."""
    fixed_offsets: NDArray[np.int64]
    """(F + 1,): string f has fixed_ids[fixed_offsets[f]:fixed_offsets[f + 1]]."""
    costs: NDArray[np.float32]
    """(V,): what a token adds to the sum of the text; 0 for bpe."""
    unknown: np.float32
    """What a character without a piece adds."""
    bound: np.float32
    """No single token adds more than this, up or down."""
    first_byte: int
    merges: bool
    """bpe, not unigram."""
    character_ids: NDArray[np.int32]
    """(C,): id of the class's character as a piece, or a number above all ids."""
    pairs: NDArray[np.int64]
    """Map of the merges: ids of two neighbours -> id of what they make."""
    ranks: NDArray[np.int64]
    """(V,): what is merged first has the lowest."""


class Work(NamedTuple):
    """Room for a segment of so many characters; a path has places 0 to the number of characters."""

    classes: NDArray[np.int32]
    places: NDArray[np.int64]
    """Where each character begins in the data; then where the last one ends."""
    ids: NDArray[np.int32]
    """One for each byte at most."""
    best: NDArray[np.float32]
    """The sum of the best way to each place."""
    second: NDArray[np.float32]
    """That of the best other way."""
    origins: NDArray[np.int32]
    """Where its last piece begins (unigram); the character before (bpe)."""
    chosen: NDArray[np.int32]
    """Its last piece, -1 for a character without one (unigram); what stands there (bpe)."""
    following: NDArray[np.int32]
    """The character after (bpe); where the pieces of the best path end, the last one first (unigram)."""


@kernel
def new_work(size: Any) -> Any:
    """Returns room for a segment of fewer than `size` bytes."""
    return Work(
        np.empty(size, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )


@inner
def borrowed_tables(tables: Any) -> Any:
    """Returns the same tables; see `borrowed`."""
    return Tables(
        borrowed(tables.class_of),
        borrowed(tables.starts_fixed),
        borrowed(tables.joins),
        borrowed(tables.trie),
        borrowed(tables.fixed_trie),
        borrowed(tables.fixed_ids),
        borrowed(tables.fixed_offsets),
        borrowed(tables.costs),
        tables.unknown,
        tables.bound,
        tables.first_byte,
        tables.merges,
        borrowed(tables.character_ids),
        borrowed(tables.pairs),
        borrowed(tables.ranks),
    )


@inner
def borrowed_work(work: Any) -> Any:
    """Returns the same room; see `borrowed`."""
    return Work(
        borrowed(work.classes),
        borrowed(work.places),
        borrowed(work.ids),
        borrowed(work.best),
        borrowed(work.second),
        borrowed(work.origins),
        borrowed(work.chosen),
        borrowed(work.following),
    )


@inner
def _read(tables: Any, work: Any, data: Any, start: Any, end: Any) -> Any:
    """Fills in the characters of a segment and returns their number."""
    class_of, classes, places = tables.class_of, work.classes, work.places
    count, place = 0, start
    while place < end:
        code, size = character(data, place)
        classes[count] = class_of[code]
        places[count] = place
        count += 1
        place += size
    places[count] = end
    return count


@inner
def _write_bytes(first_byte: Any, places: Any, ids: Any, data: Any, index: Any, written: Any) -> Any:
    for place in range(places[index], places[index + 1]):
        ids[written] = first_byte + np.int64(data[place])
        written += 1
    return written


@inner
def _best_path(tables: Any, work: Any, count: Any, total: Any) -> None:
    """Viterbi's algorithm in sentencepiece's additions and order, all in 32 bits; of equals the first wins."""
    best, second, origins, chosen = work.best, work.second, work.origins, work.chosen
    trie, costs, classes, unknown = tables.trie, tables.costs, work.classes, tables.unknown
    best[0] = total
    for end in range(1, count + 1):  # a loop, for slices are made anew each time
        origins[end] = -1
        second[end] = -np.inf
    reached = 0
    for start in range(count):
        if best[start] < -FARTHEST:
            far = best[start]
            best[start : reached + 1] -= far
            second[start : reached + 1] -= far
        here = best[start]
        alone = False
        node = np.int64(0)
        for end in range(start, count):
            found = find(trie, (node << CLASS_BITS) | np.int64(classes[end]))
            if found < 0:
                break
            node = found >> ID_BITS
            if found & LOW:
                piece = (found & LOW) - 1
                _offer(best, second, origins, chosen, start, end + 1, piece, here + costs[piece])
                reached = max(reached, end + 1)
                alone |= end == start
        if not alone:
            _offer(best, second, origins, chosen, start, start + 1, -1, here + unknown)
            reached = max(reached, start + 1)


@inner
def _offer(best: Any, second: Any, origins: Any, chosen: Any, start: Any, end: Any, piece: Any, candidate: Any) -> None:
    if origins[end] == -1 or candidate > best[end]:
        if origins[end] != -1:
            second[end] = best[end]
        best[end] = candidate
        origins[end] = start
        chosen[end] = piece
    elif candidate > second[end]:
        second[end] = candidate


@inner
def _certain_until(tables: Any, work: Any, count: Any) -> Any:
    """Returns how far from 0 the sum before the segment may be for the best path from 0 to be that from there too.

    With M the largest of all sums, an addition is off by 2^-24 M at most, so a sum after c characters by 2^-24 M c, and
    two of them are compared rightly if they are 2^-23 M c apart. The path is followed back, so only its own places
    count. 2^-20 leaves room for the same errors in what is measured here.
    """
    best, second, origins = work.best, work.second, work.origins
    limit = np.inf
    place = np.int64(count)
    while place > 0:
        margin = np.float64(best[place]) - np.float64(second[place])
        limit = min(limit, margin / place * 2.0**20)
        place = np.int64(origins[place])
    return np.float32(limit - 2.0 * (count + 1) * np.float64(tables.bound))


@inner
def _write_path(tables: Any, work: Any, data: Any, count: Any) -> Any:
    """Writes the ids of the best path and returns their number."""
    origins, chosen, ends, ids = work.origins, work.chosen, work.following, work.ids
    steps, place = 0, np.int64(count)
    while place > 0:
        ends[steps] = place
        steps += 1
        place = np.int64(origins[place])
    written = 0
    for step in range(steps - 1, -1, -1):
        end = ends[step]
        if chosen[end] < 0:
            written = _write_bytes(tables.first_byte, work.places, ids, data, end - 1, written)
        else:
            ids[written] = chosen[end]
            written += 1
    return written


@inner
def _merge(tables: Any, work: Any, data: Any, count: Any) -> Any:
    """Merges neighbours, the piece learned first before others and then the leftmost; writes what is left."""
    here, before, after = work.chosen, work.origins, work.following
    pairs, ranks = tables.pairs, tables.ranks
    agenda = [np.int64(0) for _ in range(0)]
    for index in range(count):
        here[index] = tables.character_ids[work.classes[index]]
        before[index], after[index] = index - 1, index + 1
        if index:
            _plan(agenda, pairs, ranks, here, index - 1, index)
    while agenda:
        first = heapq.heappop(agenda)
        left = first & LOW
        right = np.int64(after[left])
        if here[left] < 0 or right == count:
            continue
        merged = find(pairs, (np.int64(here[left]) << ID_BITS) | np.int64(here[right]))
        if merged < 0 or ranks[merged] != first >> ID_BITS:
            continue  # one of the two has been merged with another
        here[left], here[right] = merged, -1
        after[left] = after[right]
        if after[left] < count:
            before[after[left]] = left
            _plan(agenda, pairs, ranks, here, left, np.int64(after[left]))
        if before[left] >= 0:
            _plan(agenda, pairs, ranks, here, np.int64(before[left]), left)
    written, index = 0, 0
    while index < count:
        if here[index] >= len(tables.costs):
            written = _write_bytes(tables.first_byte, work.places, work.ids, data, index, written)
        else:
            work.ids[written] = here[index]
            written += 1
        index = after[index]
    return written


@inner
def _plan(agenda: Any, pairs: Any, ranks: Any, here: Any, left: Any, right: Any) -> None:
    """Puts the merge of two neighbours on the agenda, if there is one."""
    merged = find(pairs, (np.int64(here[left]) << ID_BITS) | np.int64(here[right]))
    if merged >= 0:
        heapq.heappush(agenda, (ranks[merged] << ID_BITS) | left)


@inner
def encode_segment(
    tables: Any, work: Any, data: Any, start: Any, end: Any, total: Any, far: Any, uncertain: Any
) -> Any:
    """Encodes a segment into `work.ids`.

    Args:
        tables: the vocabulary.
        work: room for it.
        data: valid UTF-8.
        start: of the segment.
        end: of the segment.
        total: the sum of the text before it.
        far: sums may fall below minus `FARTHEST` in it.
        uncertain: it is known that other ids than those from 0 may be right.

    Returns:
        The number of its ids; up to which distance from 0 of the sum before they are certain; the sum after it.
    """
    count = _read(tables, work, data, start, end)
    if tables.merges:
        return _merge(tables, work, data, count), FARTHEST, total
    if not uncertain:
        _best_path(tables, work, count, np.float32(0.0))
        limit = _certain_until(tables, work, count)
        if not far and abs(total) <= limit:
            written = _write_path(tables, work, data, count)
            for place in range(written):
                total += tables.costs[work.ids[place]]
            return written, limit, total
    _best_path(tables, work, count, total)
    return _write_path(tables, work, data, count), np.float32(-1.0), work.best[count]
