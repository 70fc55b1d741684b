"""The headline metric of an exam for each group of its examples: paradigms, distances, halves.

Shapes: N examples, K statistics, R resamples, G groups.
"""

from __future__ import annotations

import numpy as np

from lightning_modules.exams.base import Table
from lightning_modules.metrics import Interval, interval
from lightning_modules.metrics.bootstrap import resampled_sums
from lightning_modules.scoring.results import Comparison


def by_group(comparison: Comparison) -> dict[str, dict[str, Interval]]:
    """Returns group -> system -> its value with the interval from resampling the group's own examples.

    Groups are in the order in which their first example stands.
    """
    metric = comparison.metrics[0]
    groups = np.array(comparison.test.groups)
    statistics = comparison.statistics[metric.name]
    return {
        group: {
            system: interval(metric, own[groups == group], comparison.resamples, comparison.seed)
            for system, own in statistics.items()
        }
        for group in dict.fromkeys(comparison.test.groups)
    }


def group_table(comparison: Comparison, title: str, what: str) -> Table:
    """Returns a row a group: its examples, the subject's value with its interval, the others' values.

    Args:
        title: of the table.
        what: a group is: 'paradigm', 'distance'.
    """
    found = by_group(comparison)
    subject, *others = comparison.outputs
    counts = {group: list(comparison.test.groups).count(group) for group in found}
    rows = [
        [
            group,
            counts[group],
            *(getattr(values[subject], part) for part in ("value", "low", "high")),
            *(values[other].value for other in others if other in values),
        ]
        for group, values in found.items()
    ]
    shown = [other for other in others if all(other in values for values in found.values())]
    metric = comparison.metrics[0]
    note = f"{metric.name}, {metric.better} is better; 95 % intervals by resampling each row's own examples"
    return Table(title, [what, "examples", subject, "low", "high", *shown], rows, note)


def mean_of_groups(comparison: Comparison) -> dict[str, float]:
    """Returns the subject's mean over the groups, each with the same weight, and its interval.

    A resample draws examples within every group, so that none gets lost: the groups are the exam's, not a sample.
    """
    metric = comparison.metrics[0]
    groups = np.array(comparison.test.groups)
    own_NK = comparison.statistics[metric.name][next(iter(comparison.outputs))]
    parts = [own_NK[groups == group] for group in dict.fromkeys(comparison.test.groups)]
    value = float(np.mean([metric.value(part_NK.sum(0)) for part_NK in parts]))
    resampled_GR = [
        metric.value(resampled_sums(part_NK, comparison.resamples, comparison.seed + index))
        for index, part_NK in enumerate(parts)
    ]
    low, high = np.percentile(np.mean(resampled_GR, axis=0), [2.5, 97.5])
    name = f"{metric.name}_mean_of_groups"
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
