"""Hashes of n-grams as numpy columns: what repetition, near duplicates and overlap are found by."""

import numpy as np
from numpy.typing import NDArray

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing modulo 2^64."""
MIX = np.uint64(0xBF58476D1CE4E5B9)


def ngram_hashes(hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """64-bit hashes of all runs of n words; none where there are fewer words.

    A polynomial in the words' hashes, then one round of mixing (splitmix64's), so that low and high bits are alike.
    """
    count = len(hashes) - n + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    sums = hashes[:count].copy()
    for offset in range(1, n):
        sums *= BASE
        sums += hashes[offset : offset + count]
    sums ^= sums >> np.uint64(30)
    sums *= MIX
    return sums ^ (sums >> np.uint64(27))
