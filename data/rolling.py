"""Hashes of runs, in compiled loops: what sketches, repeated passages and overlap are found by.

A run's hash is a polynomial in its members' hashes modulo 2^64, so that the next run's follows from it in two products.
These few lines are inlined into cached machine code elsewhere, which does not notice when they change: to change them
is to change the format of every signature.
"""

import numpy as np

from data.ngrams import BASE
from data.text.kernel import kernel

__all__ = ["BASE", "leaving", "mixed"]

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@kernel
def mixed(value: np.uint64) -> np.uint64:
    """Returns the value with every bit depending on all: the finalizer of splitmix64 (Steele et al. 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


@kernel
def leaving(length: int) -> np.uint64:
    """Returns the factor of the member that leaves a run of `length`: BASE to the power of `length`."""
    factor = np.uint64(1)
    for _ in range(length):
        factor = factor * BASE
    return factor
