"""Whether a comparison should stop something: the named scores that became worse for certain."""

from __future__ import annotations

from collections.abc import Sequence

from flows.comparing.runs import Comparison
from flows.comparing.scores import ScoreDelta


def worse_scores(comparison: Comparison, names: Sequence[str]) -> list[ScoreDelta]:
    """Finds the named scores that are worse than the first run's, after the correction over all tests.

    Args:
        comparison: of two runs or more.
        names: 'sentiment/accuracy' is a score, 'sentiment' every score of a set, 'accuracy' a metric in every set.

    Raises:
        ValueError: a name that fits no score, or a score that could not be tested: nobody would notice it become worse.
    """
    found = []
    for name in names:
        fitting = [delta for delta in comparison.scores if name in {delta.place, delta.task, delta.metric}]
        if not fitting:
            known = ", ".join(dict.fromkeys(delta.place for delta in comparison.scores)) or "none"
            raise ValueError(f"--fail-if-worse {name}: no such score, set or metric. Scores of these runs: {known}")
        for delta in fitting:
            if delta.paired is None and not delta.identical and delta.better:
                raise ValueError(f"--fail-if-worse {name}: {delta.place} was not tested: {delta.note}")
        found += [delta for delta in fitting if delta.wins is False]
    return list({(delta.run, delta.place): delta for delta in found}.values())
