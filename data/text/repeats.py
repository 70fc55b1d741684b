"""What a document says more than once: repeated hashes and n-grams, counted by open addressing."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.ngrams import BASE, MIX
from data.text.kernel import kernel


class Repeats(NamedTuple):
    """Counts for N documents."""

    total: NDArray[np.int64]
    """(N,) hashes, or n-grams."""
    distinct: NDArray[np.int64]
    most: NDArray[np.int64]
    """(N,) occurrences of the most frequent."""

    @property
    def duplicate_share(self) -> NDArray[np.float64]:
        """(N,) share of those that repeat an earlier one."""
        return np.where(self.total > 0, 1.0 - self.distinct / np.maximum(self.total, 1), 0.0)


def count_repeats(
    hashes: NDArray[np.uint64], offsets: NDArray[np.int64], n: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> Repeats:
    """Counts the n-grams of every document; with n = 1 the hashes themselves.

    Args:
        hashes: (W,) of the words (or lines) of all documents.
        offsets: (N + 1,) those of document i are `hashes[offsets[i]:offsets[i + 1]]`.
        n: (N,) words in an n-gram.
        wanted: (N,) documents to count in; the others get zeros.
    """
    counts = np.zeros((3, len(n)), dtype=np.int64)
    longest = int(np.diff(offsets).max(initial=1))
    slots = 1 << (2 * longest - 1).bit_length()
    scratch = np.empty(slots, np.uint64), np.empty(slots, np.int32), np.full(slots, -1, np.int32)
    _count(hashes, offsets, n, wanted, *scratch, *counts)
    return Repeats(*counts)


def seen_before(hashes: NDArray[np.uint64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(L,) whether a hash stands further up in its document.

    Args:
        hashes: (L,) of the lines (or paragraphs) of all documents.
        offsets: (N + 1,) those of document i are `hashes[offsets[i]:offsets[i + 1]]`.
    """
    documents = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((hashes, documents))  # stable: of equal ones, the first stays first
    same = (hashes[order][1:] == hashes[order][:-1]) & (documents[order][1:] == documents[order][:-1])
    before = np.zeros(len(hashes), dtype=bool)
    before[order[1:]] = same
    return before


@kernel
def _count(
    hashes: Any,
    offsets: Any,
    n: Any,
    wanted: Any,
    keys: Any,
    occurrences: Any,
    owners: Any,
    total: Any,
    distinct: Any,
    most: Any,
) -> None:
    for document in range(len(n)):
        first, size = offsets[document], n[document]
        count = offsets[document + 1] - first - size + 1
        if not wanted[document] or count <= 0:
            continue
        mask = 1
        while mask < 2 * count:
            mask *= 2
        mask -= 1
        leading = np.uint64(1)  # the factor of the word that leaves the window
        for _ in range(size - 1):
            leading *= BASE
        window = np.uint64(0)
        for place in range(first, first + size - 1):
            window = window * BASE + hashes[place]
        found = top = 0
        for gram in range(first, first + count):
            window = window * BASE + hashes[gram + size - 1]
            key = window ^ (window >> np.uint64(30))
            key *= MIX
            key ^= key >> np.uint64(27)
            window -= leading * hashes[gram]
            slot = np.int64(key & np.uint64(mask))
            while owners[slot] == document and keys[slot] != key:
                slot = (slot + 1) & mask
            if owners[slot] == document:
                occurrences[slot] += 1
            else:
                owners[slot], keys[slot], occurrences[slot] = document, key, 1
                found += 1
            top = max(top, occurrences[slot])
        total[document], distinct[document], most[document] = count, found, top
