"""Noise that is a pure function of what it is for: seed, epoch, row, purpose and position.

Nothing is consumed in order, so no state has to be saved and no result depends on batch size, rank or resumption.
Source: the SplitMix64 mixer, Steele et al. 2014, "Fast splittable pseudorandom number generators", figure 17.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns well-mixed 64-bit values; a bijection, so different keys never collide."""
    z = keys + _GAMMA
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def key(seed: int, *parts: int | str) -> NDArray[np.uint64]:
    """Returns one key, shape (1,), for a seed and what it is used for."""
    mixed = mix(np.array([seed], dtype=np.uint64))
    for part in parts:
        mixed = mix(mixed ^ np.uint64(zlib.crc32(part.encode()) if isinstance(part, str) else part))
    return mixed


def row_seeds(key_1: NDArray[np.uint64], rows_B: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns one seed a row, shape (B,)."""
    return mix(key_1 ^ mix(rows_B.astype(np.uint64)))


def uniform(seeds_B: NDArray[np.uint64], purpose: str, length: int) -> NDArray[np.float64]:
    """Returns noise of [0, 1), shape (B, length). Draws for different purposes are independent."""
    streams_B = mix(seeds_B ^ np.uint64(zlib.crc32(purpose.encode())))
    bits_BT = mix(streams_B[:, None] ^ mix(np.arange(length, dtype=np.uint64)))
    return (bits_BT >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(key_1: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """Returns the numbers below `size` in an order drawn from the key."""
    return np.argsort(row_seeds(key_1, np.arange(size, dtype=np.int64)), kind="stable")
