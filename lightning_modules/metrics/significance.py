"""Tests of paired differences, and their correction where many are made.

Sources: McNemar 1947 and, exact, Fay 2010; Efron and Tibshirani 1993, chapter 15; Holm 1979.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from lightning_modules.metrics.base import Floats


def mcnemar(ours_N: NDArray[np.bool_], theirs_N: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value of McNemar's test: does either system have more examples right that the other has wrong?

    Examples that both have right, or both wrong, say nothing about a difference and do not enter.

    Args:
        ours_N: whether each example is right.
        theirs_N: the same of the other system, on the same examples.

    Returns:
        1.0 where the two differ on no example.
    """
    gained, lost = int((ours_N & ~theirs_N).sum()), int((theirs_N & ~ours_N).sum())
    return float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def bootstrap_p(differences_R: Floats) -> float:
    """Two-sided p-value of 'no difference' from R resampled differences: twice the share on the rarer side of 0.

    It is the level at which the percentile interval begins to hold 0. The observed sample counts as one resample, so
    that no p-value is 0: the least is 2 / (R + 1).
    """
    rarer = min(int((differences_R <= 0.0).sum()), int((differences_R >= 0.0).sum()))
    return min(1.0, 2.0 * (rarer + 1) / (len(differences_R) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: p-values that may each be held against one level, however many there are.

    The chance that any difference is called real where none is stays at or below that level, also for tests that
    depend on each other, as metrics of one test set do.

    Returns:
        The adjusted p-values in the order given, never below the given ones and never above 1.
    """
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = reached
    return adjusted
