"""Accuracy, precision, recall and F1 of single-label classification, in percent.

Macro means run over all labels of the task, also those that a resample happens not to hold; a ratio with nothing in its
denominator is 0. This is scikit-learn with `labels=` all labels and `zero_division=0`. With one label an example,
micro-F1, micro-precision and micro-recall all equal the accuracy.

Shapes: N examples, C classes. Statistics (N, 3C): whether class c is hit, is predicted, is true.
"""

from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs


class ClassMetric(Metric):
    """Shares the counts; a subclass turns them into one figure."""

    of_classes: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        """Says what a mean runs over and what 0/0 is."""
        return f"{self.name}|classes:{len(self.labels)}|zero_division:0|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 3C). A prediction that is no label of the task counts as predicting none."""
        labels = np.array(self.labels)
        predicted_NC = np.array(outputs.predictions)[:, None] == labels
        true_NC = np.array([references[0] for references in outputs.references])[:, None] == labels
        return np.concatenate([predicted_NC & true_NC, predicted_NC, true_NC], axis=-1).astype(np.float64)

    def hits_predicted_true(self, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """Splits (..., 3C) into three of (..., C)."""
        hits, predicted, true = np.split(sums, 3, axis=-1)
        return hits, predicted, true


class Accuracy(ClassMetric):
    """Share of right predictions."""

    name: ClassVar[str] = "accuracy"
    right_or_wrong: ClassVar[bool] = True

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, _, true = self.hits_predicted_true(sums)
        return 100 * _ratio(hits.sum(-1), true.sum(-1))


class Precision(ClassMetric):
    """Macro precision: mean over the classes of right among predicted."""

    name: ClassVar[str] = "precision"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, _ = self.hits_predicted_true(sums)
        return _mean_percent(_ratio(hits, predicted))


class Recall(ClassMetric):
    """Macro recall: mean over the classes of found among true."""

    name: ClassVar[str] = "recall"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, _, true = self.hits_predicted_true(sums)
        return _mean_percent(_ratio(hits, true))


class MacroF1(ClassMetric):
    """Mean over the classes of 2 hits / (predicted + true)."""

    name: ClassVar[str] = "macro_f1"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = self.hits_predicted_true(sums)
        return _mean_percent(_ratio(2 * hits, predicted + true))


class MicroF1(ClassMetric):
    """F1 of the counts summed over the classes."""

    name: ClassVar[str] = "micro_f1"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = (counts.sum(-1) for counts in self.hits_predicted_true(sums))
        return 100 * _ratio(2 * hits, predicted + true)


class WeightedF1(ClassMetric):
    """Mean over the classes of their F1, each with the weight of its share of the examples."""

    name: ClassVar[str] = "weighted_f1"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = self.hits_predicted_true(sums)
        return 100 * _ratio((true * _ratio(2 * hits, predicted + true)).sum(-1), true.sum(-1))


class MicroPrecision(ClassMetric):
    """Right among predicted, the counts summed over the classes; an answer that is no class counts as none."""

    name: ClassVar[str] = "micro_precision"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, _ = self.hits_predicted_true(sums)
        return 100 * _ratio(hits.sum(-1), predicted.sum(-1))


class MicroRecall(ClassMetric):
    """Found among true, the counts summed over the classes."""

    name: ClassVar[str] = "micro_recall"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, _, true = self.hits_predicted_true(sums)
        return 100 * _ratio(hits.sum(-1), true.sum(-1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _mean_percent(ratios_C: Floats) -> Floats:
    means: Floats = 100 * ratios_C.mean(-1)
    return means
