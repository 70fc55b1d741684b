"""Whose turn it is: a fixed order of turns in which nobody is ever a whole turn ahead of or behind its share."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray


def interleave(shares: Sequence[float], turns: int) -> NDArray[np.int64]:
    """Returns who takes each turn, as indices into `shares`, shape (turns,).

    After any n turns, participant i has taken strictly between share_i * n - 1 and share_i * n + 1 of them. So each of
    its turns has an earliest and a latest place, and serving the most urgent first keeps to all of them:
    Baruah et al. 1996, "Proportionate progress", theorem 1, for one resource.

    Args:
        shares: positive; only their proportions count.
        turns: how many to give.

    Raises:
        ValueError: a share that is not positive.
    """
    if not shares or min(shares) <= 0:
        raise ValueError(f"shares must be positive, got {list(shares)}")
    parts = [Fraction(share).limit_denominator(10**9) for share in shares]
    denominator = lcm(*(part.denominator for part in parts))
    units = [part.numerator * (denominator // part.denominator) for part in parts]
    period = sum(units)  # after one period everybody has had exactly its share
    taken = [0] * len(units)
    order = np.empty(min(turns, period), dtype=np.int64)
    for turn in range(len(order)):
        released = [index for index, unit in enumerate(units) if taken[index] * period < unit * (turn + 1)]
        urgent = min(released, key=lambda index: (-((taken[index] + 1) * period // -units[index]), index))
        taken[urgent] += 1
        order[turn] = urgent
    return np.resize(order, turns)
