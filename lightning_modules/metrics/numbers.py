"""How far numbers are from those they should be, where an answer is a number, written as text by `number`.

Shapes: N examples. Statistics (N, 2).
"""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs


class ScoreChange(Metric):
    """Mean of |prediction - reference|: of a score, how far it moves when its text is changed."""

    name: ClassVar[str] = "score_change"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    signature = "score_change|absolute|mean"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the distance, and 1."""
        given_N, wanted_N = _pairs(outputs)
        return np.stack([np.abs(given_N - wanted_N), np.ones(len(given_N))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns the mean, in the unit of the numbers."""
        return sums[..., 0] / sums[..., 1]


class CompletenessError(Metric):
    """Sum of |prediction - reference| in percent of the sum of |reference|: attributions against what they explain.

    Summed before it is divided, so that an example in which there is next to nothing to explain does not decide.
    """

    name: ClassVar[str] = "completeness_error"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    signature = "completeness_error|sums|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the distance, and the size of the reference."""
        given_N, wanted_N = _pairs(outputs)
        return np.stack([np.abs(given_N - wanted_N), np.abs(wanted_N)], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent; 0 where there is nothing to explain."""
        return 100 * np.divide(sums[..., 0], sums[..., 1], out=np.zeros_like(sums[..., 0]), where=sums[..., 1] > 0)


def number(value: float) -> str:
    """Returns the shortest text that reads back as the same number."""
    return repr(float(value))


def _pairs(outputs: Outputs) -> tuple[Floats, Floats]:
    return _floats(outputs.predictions), _floats(references[0] for references in outputs.references)


def _floats(texts: Iterable[str]) -> Floats:
    return np.array([float(text) for text in texts])
