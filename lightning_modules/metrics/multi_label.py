"""F1 and exact matches of texts with any number of classes, in percent.

This is scikit-learn on indicator matrices. Where nothing is predicted and nothing is true, micro-F1 is 100: a text
without classes that gets none is answered rightly. Macro-F1 runs over all labels of the task and gives one that is
neither predicted nor true 0, as in `classes.py`.

Shapes: N examples, C classes. Statistics of F1 (N, 3C): whether class c is hit, is predicted, is true.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.answers import read_classes
from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.ratio import percent


class LabelsF1(Metric):
    """Shares the counts; a subclass turns them into one figure."""

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 3C)."""
        predicted_NC = self._indicators(outputs.predictions)
        true_NC = self._indicators([references[0] for references in outputs.references])
        return np.concatenate([predicted_NC & true_NC, predicted_NC, true_NC], axis=-1).astype(np.float64)

    def _indicators(self, answers: Sequence[str]) -> NDArray[np.bool_]:
        given = [set(read_classes(answer)) for answer in answers]
        return np.array([[label in names for label in self.labels] for names in given], dtype=np.bool_)


class LabelsMicroF1(LabelsF1):
    """F1 of the counts summed over the classes."""

    name: ClassVar[str] = "labels_micro_f1"

    @property
    def signature(self) -> str:
        """Says that a right 'none of them' counts."""
        return f"{self.name}|classes:{len(self.labels)}|zero_division:1|percent"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = (counts.sum(-1) for counts in np.split(sums, 3, axis=-1))
        return percent(2 * hits, predicted + true, nothing=1.0)


class LabelsMacroF1(LabelsF1):
    """Mean over the classes of 2 hits / (predicted + true)."""

    name: ClassVar[str] = "labels_macro_f1"

    @property
    def signature(self) -> str:
        """Says what the mean runs over and what 0/0 is."""
        return f"{self.name}|classes:{len(self.labels)}|zero_division:0|percent"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = np.split(sums, 3, axis=-1)
        means: Floats = percent(2 * hits, predicted + true, nothing=0.0).mean(-1)
        return means


class SubsetAccuracy(Metric):
    """Share of texts whose classes are all there, and no others."""

    name: ClassVar[str] = "subset_accuracy"

    @property
    def signature(self) -> str:
        """Names the measure."""
        return f"{self.name}|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): whether the sets are equal, 1."""
        pairs = zip(outputs.predictions, outputs.references, strict=True)
        equal = [set(read_classes(prediction)) == set(read_classes(references[0])) for prediction, references in pairs]
        return np.stack([np.array(equal, dtype=np.float64), np.ones(len(equal))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]
