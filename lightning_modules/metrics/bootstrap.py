"""Percentile bootstrap over examples, for one system and for the paired difference of two.

A resample draws N examples with replacement; what matters of it is how often each was drawn, so R resamples are an
(R, N) matrix of counts, and counts @ statistics gives the exact sums of every resample at once. Two systems share the
matrix: the examples' difficulty cancels in the difference.

Source: Efron and Tibshirani 1993, chapters 13 and 16; for metrics of a corpus Koehn 2004.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_modules.metrics.base import Floats, Metric

_COUNTS_AT_ONCE = 2**24
"""Entries of the count matrix in memory at one time (64 MB as int32)."""


@dataclass(frozen=True)
class Interval:
    """A value with its interval, of 95 % unless another level was asked for."""

    value: float
    low: float
    high: float


def resampled_sums(statistics_NK: Floats, resamples: int, seed: int) -> Floats:
    """Returns the statistics' sums (R, K) in each resample; equal draws for equal N, resamples and seed."""
    sums_RK = np.empty((resamples, statistics_NK.shape[1]))
    for rows, counts in drawn_counts(np.arange(len(statistics_NK)), resamples, seed):
        sums_RK[rows] = counts @ statistics_NK
    return sums_RK


def drawn_counts(kinds_N: NDArray[np.int64], resamples: int, seed: int) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yields for some resamples at a time which they are, and how often each of U kinds of example was drawn (rows, U).

    Args:
        kinds_N: the kind of each example, 0 to U - 1: examples that add the same to every sum may share one.
        resamples: how many in all.
        seed: equal draws for equal N, resamples and seed, whatever the kinds.
    """
    examples, kinds = len(kinds_N), int(kinds_N.max()) + 1
    random = np.random.default_rng(seed)
    at_once = max(1, _COUNTS_AT_ONCE // examples)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = random.integers(examples, size=(rows, examples), dtype=np.int32)
        flat = kinds_N[drawn] + np.arange(rows, dtype=np.int64)[:, None] * kinds
        yield (
            slice(start, start + rows),
            np.bincount(flat.ravel(), minlength=rows * kinds).reshape(rows, kinds),
        )


def interval(metric: Metric, statistics_NK: Floats, resamples: int, seed: int) -> Interval:
    """Returns the metric of all examples and the 2.5th and 97.5th percentile of its resamples."""
    values_R = metric.value(resampled_sums(statistics_NK, resamples, seed))
    return percentiles(float(metric.value(statistics_NK.sum(0))), values_R)


def intervals(
    value: Callable[[Floats], Floats], statistics_NK: Floats, resamples: int, seed: int
) -> list[Interval | None]:
    """Returns the interval of each figure that a function gives (..., F) of summed statistics (..., K).

    None where the figure is NaN, which is not defined; resamples in which it is not are left out.
    """
    found: list[Interval | None] = []
    values_RF = value(resampled_sums(statistics_NK, resamples, seed))
    for figure, values_R in zip(value(statistics_NK.sum(0)), values_RF.T, strict=True):
        defined = values_R[~np.isnan(values_R)]
        found.append(None if np.isnan(figure) or not len(defined) else percentiles(float(figure), defined))
    return found


def compare(
    metric: Metric, ours_NK: Floats, theirs_NK: Floats, resamples: int, seed: int, confidence: float = 0.95
) -> Interval:
    """Returns ours - theirs on the same examples in the same order.

    Raises:
        ValueError: the two were not scored on equally many examples.
    """
    if len(ours_NK) != len(theirs_NK):
        raise ValueError(f"paired comparison needs the same examples, got {len(ours_NK)} and {len(theirs_NK)}")
    both_RK = resampled_sums(np.concatenate([ours_NK, theirs_NK], axis=1), resamples, seed)
    ours_RK, theirs_RK = np.split(both_RK, 2, axis=1)
    difference = float(metric.value(ours_NK.sum(0)) - metric.value(theirs_NK.sum(0)))
    return percentiles(difference, metric.value(ours_RK) - metric.value(theirs_RK), confidence)


def wins(metric: Metric, difference: Interval) -> bool | None:
    """Returns whether ours is better; None if the interval of the difference holds 0."""
    if difference.low <= 0.0 <= difference.high:
        return None
    return (difference.low > 0.0) == (metric.better == "higher")


def percentiles(value: float, values_R: Floats, confidence: float = 0.95) -> Interval:
    """Returns a value with the percentiles of its resamples."""
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values_R, [tail, 100 - tail])
    return Interval(value, float(low), float(high))
