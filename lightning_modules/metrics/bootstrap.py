"""Percentile bootstrap over examples, for one system and for the paired difference of two.

A resample draws N examples with replacement; what matters of it is how often each was drawn, so R resamples are an
(R, N) matrix of counts, and counts @ statistics gives the exact sums of every resample at once. Two systems share the
matrix: the examples' difficulty cancels in the difference.

Source: Efron and Tibshirani 1993, chapters 13 and 16; for metrics of a corpus Koehn 2004.
"""

from dataclasses import dataclass

import numpy as np

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
    examples = len(statistics_NK)
    random = np.random.default_rng(seed)
    sums_RK = np.empty((resamples, statistics_NK.shape[1]))
    at_once = max(1, _COUNTS_AT_ONCE // examples)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = random.integers(examples, size=(rows, examples), dtype=np.int32)
        flat = drawn + np.arange(rows, dtype=np.int64)[:, None] * examples
        counts = np.bincount(flat.ravel(), minlength=rows * examples).reshape(rows, examples)
        sums_RK[start : start + rows] = counts @ statistics_NK
    return sums_RK


def interval(metric: Metric, statistics_NK: Floats, resamples: int, seed: int) -> Interval:
    """Returns the metric of all examples and the 2.5th and 97.5th percentile of its resamples."""
    values_R = metric.value(resampled_sums(statistics_NK, resamples, seed))
    return _interval(float(metric.value(statistics_NK.sum(0))), values_R)


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
    return _interval(difference, metric.value(ours_RK) - metric.value(theirs_RK), confidence)


def wins(metric: Metric, difference: Interval) -> bool | None:
    """Returns whether ours is better; None if the interval of the difference holds 0."""
    if difference.low <= 0.0 <= difference.high:
        return None
    return (difference.low > 0.0) == (metric.better == "higher")


def _interval(value: float, values_R: Floats, confidence: float = 0.95) -> Interval:
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values_R, [tail, 100 - tail])
    return Interval(value, float(low), float(high))
