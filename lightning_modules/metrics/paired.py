"""Two systems on the same examples by several metrics at once: values, difference, interval and p-value of each.

All metrics share the resamples. Examples that add the same to every sum of both systems are counted as one kind: of
classified texts there are a few kinds, so that twenty thousand examples cost little more than the draws.

Shapes: N examples, U kinds of them, R resamples, K statistics of a metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightning_modules.metrics.base import Floats, Metric
from lightning_modules.metrics.bootstrap import Interval, drawn_counts, percentiles
from lightning_modules.metrics.significance import bootstrap_p, mcnemar


@dataclass(frozen=True)
class Judged:
    """What both systems add to the sums of one metric, on the same examples in the same order."""

    metric: Metric
    ours_NK: Floats
    theirs_NK: Floats


@dataclass(frozen=True)
class PairedDifference:
    """One metric of two systems."""

    ours: float
    theirs: float
    difference: Interval
    """Of ours - theirs."""
    p: float
    """Two-sided, not corrected for other comparisons."""
    test: Literal["mcnemar", "bootstrap"]
    """Where `p` comes from: McNemar's exact test where the metric is a share of right answers."""


def paired_differences(judged: Sequence[Judged], resamples: int, seed: int) -> list[PairedDifference]:
    """Returns the difference by each metric, in the order given.

    Raises:
        ValueError: not all statistics are of equally many examples, or of none.
    """
    sizes = {len(part) for one in judged for part in (one.ours_NK, one.theirs_NK)}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"paired comparison needs the same examples, at least one, got {sorted(sizes)}")
    both = [np.concatenate([one.ours_NK, one.theirs_NK], axis=1) for one in judged]
    kinds_N = _kinds(np.stack([_kinds(statistics) for statistics in both], axis=1))
    firsts_U = np.unique(kinds_N, return_index=True)[1]
    distinct: list[Floats] = []  # metrics of the same counts, such as precision and recall, are summed once
    places = []
    for statistics in both:
        kept = statistics[firsts_U]
        same = (place for place, known in enumerate(distinct) if np.array_equal(known, kept))
        places.append(next(same, len(distinct)))
        distinct += [kept] if places[-1] == len(distinct) else []
    sums = [np.empty((resamples, statistics_UK.shape[1])) for statistics_UK in distinct]
    for rows, counts in drawn_counts(kinds_N, resamples, seed):
        weights = counts.astype(np.float64)
        for sums_RK, statistics_UK in zip(sums, distinct, strict=True):
            sums_RK[rows] = weights @ statistics_UK
    return [_difference(one, sums[place]) for one, place in zip(judged, places, strict=True)]


def _difference(one: Judged, sums_RK: Floats) -> PairedDifference:
    metric = one.metric
    ours, theirs = (float(metric.value(part.sum(0))) for part in (one.ours_NK, one.theirs_NK))
    ours_R, theirs_R = (metric.value(part) for part in np.split(sums_RK, 2, axis=1))
    if metric.right_or_wrong:
        p = mcnemar(metric.value(one.ours_NK) > 0, metric.value(one.theirs_NK) > 0)
    else:
        # With n examples that differ no paired test can show less than all n differing one way by chance; where n is
        # small, resamples claim more: of a single example all are alike.
        p = max(bootstrap_p(ours_R - theirs_R), min(1.0, 2.0 ** (1 - int((one.ours_NK != one.theirs_NK).any(1).sum()))))
    test: Literal["mcnemar", "bootstrap"] = "mcnemar" if metric.right_or_wrong else "bootstrap"
    return PairedDifference(ours, theirs, percentiles(ours - theirs, ours_R - theirs_R), p, test)


def _kinds(rows_NK: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a number for each row, equal for equal rows, in the order in which they first come."""
    numbers: dict[bytes, int] = {}
    rows = np.ascontiguousarray(rows_NK)
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], dtype=np.int64)
