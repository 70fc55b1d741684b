"""How often answers keep what their examples ask for beside being right: `details.constraints`.

An example that does not ask for a thing says nothing about it: shares are of those that do. Their intervals come from
the same bootstrap as all others; a resample that holds no such example counts as none kept.
"""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from data.constraints import Constraints
from lightning_modules.metrics.base import Floats, Metric, Outputs


class ConstraintMetric(Metric):
    """Share of the examples that ask for something whose answers keep it."""

    counts = "words, characters of unspaced scripts"

    @property
    def signature(self) -> str:
        """Says how length is counted."""
        return f"{self.name}|{self.counts}|of the examples that ask for it|percent"

    def applies(self, outputs: Outputs) -> bool:
        return bool(self.statistics(outputs)[:, 1].any()) if outputs.details else False

    @abstractmethod
    def kept(self, constraints: Constraints, prediction: str, judged: str | None) -> bool | None:
        """Returns whether an answer keeps what is asked for; None where nothing of the kind is."""

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): kept, asked for."""
        rows = []
        for index, (prediction, details) in enumerate(zip(outputs.predictions, outputs.details, strict=True)):
            judged = outputs.judged[index] if outputs.judged else None
            kept = self.kept(Constraints.of(details), prediction, judged)
            rows.append((float(kept or 0), float(kept is not None)))
        return np.array(rows, dtype=np.float64)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        kept, asked = sums[..., 0], sums[..., 1]
        return 100 * np.divide(kept, asked, out=np.zeros_like(kept), where=asked > 0)


class KeywordsKept(ConstraintMetric):
    """All keywords stand in the answer."""

    name: ClassVar[str] = "keywords_kept"

    def kept(self, constraints: Constraints, prediction: str, judged: str | None) -> bool | None:
        return constraints.kept(prediction).get("keywords")


class LengthKept(ConstraintMetric):
    """The answer has as many words as are asked for."""

    name: ClassVar[str] = "length_kept"

    def kept(self, constraints: Constraints, prediction: str, judged: str | None) -> bool | None:
        return constraints.kept(prediction).get("length")


class SentimentKept(ConstraintMetric):
    """A classifier finds the sentiment that is asked for. It is the recipe's judge, not a person."""

    name: ClassVar[str] = "sentiment_kept"

    def kept(self, constraints: Constraints, prediction: str, judged: str | None) -> bool | None:
        return None if constraints.sentiment is None or judged is None else judged == constraints.sentiment


class ConstraintsKept(ConstraintMetric):
    """All of them."""

    name: ClassVar[str] = "constraints_kept"

    def kept(self, constraints: Constraints, prediction: str, judged: str | None) -> bool | None:
        kinds = (KeywordsKept, LengthKept, SentimentKept)
        parts = [kind(self.language).kept(constraints, prediction, judged) for kind in kinds]
        asked = [part for part in parts if part is not None]
        return all(asked) if asked else None
