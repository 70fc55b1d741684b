"""How differently a classifier treats groups of texts, in percent; 0 is what one wants.

Each gap is the largest difference, between any two groups, of a rate; groups without an example that the rate needs are
left out of it. With few examples a gap is never 0: chance alone makes one, and resamples of the bootstrap add
theirs, so an interval's lower end above 0 is no proof by itself. A system with random answers shows what chance makes.

Source: Hardt, Price and Srebro 2016, arXiv:1610.02413; Agarwal et al. 2018, arXiv:1803.02453 (several classes).
Shapes: N examples, G groups, C classes. Statistics (N, G * C * (C + 1)): of which group, of which class, and predicted
as which; the last prediction is none of the task's labels.
"""

from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs


class GroupGap(Metric):
    """Shares the counts; a subclass says of which rates the gap is."""

    better: ClassVar[Literal["higher", "lower"]] = "lower"
    of_classes: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        """Says that the widest gap counts."""
        return f"{self.name}|widest:groups,classes|classes:{len(self.labels)}|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, G * C * (C + 1)).

        Raises:
            ValueError: the outputs do not say which group an example is of.
        """
        if len(outputs.groups) != len(outputs.predictions):
            raise ValueError(f"{self.name} needs the group of each of {len(outputs.predictions)} examples")
        groups = np.array(outputs.groups)[:, None] == np.array(sorted(set(outputs.groups)))
        labels = np.array(self.labels)
        true = np.array([references[0] for references in outputs.references])[:, None] == labels
        known = np.array(outputs.predictions)[:, None] == labels
        predicted = np.concatenate([known, ~known.any(1, keepdims=True)], axis=1)
        counts = groups[:, :, None, None] & true[:, None, :, None] & predicted[:, None, None, :]
        statistics: Floats = counts.reshape(len(groups), -1).astype(np.float64)
        return statistics

    def counts(self, sums: Floats) -> Floats:
        """Returns the sums (..., K) as (..., G, C, C + 1)."""
        classes = len(self.labels)
        counts_GCC: Floats = sums.reshape(*sums.shape[:-1], -1, classes, classes + 1)
        return counts_GCC


class DemographicParityGap(GroupGap):
    """Of the share that is predicted to be of a class, whatever it is; the class with the widest gap counts."""

    name: ClassVar[str] = "demographic_parity_gap"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        predicted_GC = self.counts(sums).sum(-2)
        gaps_C = _widest(predicted_GC[..., :-1], predicted_GC.sum(-1, keepdims=True), groups=-2)
        widest: Floats = 100 * gaps_C.max(-1)
        return widest


class EqualisedOddsGap(GroupGap):
    """Of the share of one true class that is predicted to be of a class; of all pairs the widest gap counts.

    With two classes: the wider of the gaps in true and in false positives.
    """

    name: ClassVar[str] = "equalised_odds_gap"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        counts_GCC = self.counts(sums)
        gaps_CC = _widest(counts_GCC[..., :-1], counts_GCC.sum(-1, keepdims=True), groups=-3)
        widest: Floats = 100 * gaps_CC.max((-2, -1))
        return widest


class AccuracyGap(GroupGap):
    """Of the share of right predictions."""

    name: ClassVar[str] = "accuracy_gap"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        counts_GCC = self.counts(sums)
        right_G = np.diagonal(counts_GCC[..., :-1], axis1=-2, axis2=-1).sum(-1)
        gaps: Floats = 100 * _widest(right_G[..., None], counts_GCC.sum((-2, -1))[..., None], groups=-2)[..., 0]
        return gaps


def _widest(parts: Floats, wholes: Floats, groups: int) -> Floats:
    """Returns the largest difference of parts / wholes along the axis `groups`; 0 where no group has any."""
    there = np.broadcast_to(wholes > 0, parts.shape)
    rates = np.divide(parts, np.broadcast_to(wholes, parts.shape), out=np.zeros_like(parts), where=there)
    highest = np.where(there, rates, -np.inf).max(groups)
    lowest = np.where(there, rates, np.inf).min(groups)
    gaps: Floats = np.subtract(highest, lowest, out=np.zeros_like(highest), where=there.any(groups))
    return gaps
