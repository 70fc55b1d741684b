"""How loops over bytes are compiled, and what they share.

Compiled once per machine and kept beside the source, or in the user's cache folder where that cannot be written
(`NUMBA_CACHE_DIR` names another); the interpreter's lock is free while they run. What is kept is made anew when the
file of the loop itself changes: who changes a function of this file removes the `__pycache__` folders (`make clean`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

Result = TypeVar("Result")


def kernel(loop: Callable[..., Result]) -> Callable[..., Result]:
    """The loop, compiled when it is first called."""
    compiled: Callable[..., Result] = njit(cache=True, nogil=True, error_model="numpy")(loop)
    return compiled


_SEED = np.uint64(0xCBF29CE484222325)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@kernel
def code_point(data: Any, at: int) -> Any:
    """The character that begins at this byte of well-formed UTF-8, and the number of its bytes."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, 2
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | np.int64(data[at + 2]) & 0x3F, 3
    high = (lead & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
    return high | (np.int64(data[at + 2]) & 0x3F) << 6 | np.int64(data[at + 3]) & 0x3F, 4


@kernel
def hash_start() -> Any:
    """The hash of nothing, to which numbers are joined one by one."""
    return _SEED


@kernel
def hash_join(so_far: Any, number: int) -> Any:
    """The hash with one more number (a byte or code point): FNV-1a with another factor."""
    return (so_far ^ np.uint64(number)) * _FACTOR


@kernel
def hash_end(so_far: Any) -> Any:
    """The finished hash, low and high bits alike (splitmix64's mixing)."""
    so_far ^= so_far >> np.uint64(30)
    so_far *= _MIX
    return so_far ^ (so_far >> np.uint64(27))
