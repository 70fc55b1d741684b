"""Recall at k and the mean reciprocal rank of rankings, in percent.

Recall at k is the mean over the queries of the share of right candidates among the first k. The reciprocal rank of a
query is 1 / the place of its first right candidate, 0 where the ranking, which is kept to its first 100, has none.
Source: Voorhees 1999 (TREC-8 question answering) for the latter.

Shapes: N queries. Statistics (N, 2): the score, 1.
"""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from data.answers import read_ranking
from lightning_modules.metrics.base import Floats, Metric, Outputs

KEPT = 100
"""Candidates that a ranking keeps."""


class RankingMetric(Metric):
    """Mean over the queries; the right candidates of each are its references."""

    @abstractmethod
    def score(self, ranking: list[str], right: set[str]) -> float:
        """Returns the score, 0 to 1, of one query."""

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the score, 1."""
        pairs = zip(outputs.predictions, outputs.references, strict=True)
        scores = [self.score(read_ranking(prediction), set(references)) for prediction, references in pairs]
        return np.stack([np.array(scores, dtype=np.float64), np.ones(len(scores))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


class Recall(RankingMetric):
    """Share of the right candidates among the first `depth`."""

    depth: ClassVar[int]

    @property
    def signature(self) -> str:
        """Says how deep is looked."""
        return f"{self.name}|share of right candidates among the first {self.depth}|percent"

    def score(self, ranking: list[str], right: set[str]) -> float:
        """Returns the share."""
        return len(right.intersection(ranking[: self.depth])) / len(right)


class RecallAt1(Recall):
    """Whether the first candidate is the right one, where there is one."""

    name: ClassVar[str] = "recall_at_1"
    depth: ClassVar[int] = 1


class RecallAt5(Recall):
    """Share of the right candidates among the first five."""

    name: ClassVar[str] = "recall_at_5"
    depth: ClassVar[int] = 5


class RecallAt10(Recall):
    """Share of the right candidates among the first ten."""

    name: ClassVar[str] = "recall_at_10"
    depth: ClassVar[int] = 10


class MeanReciprocalRank(RankingMetric):
    """Mean of 1 / the place of the first right candidate."""

    name: ClassVar[str] = "mrr"

    @property
    def signature(self) -> str:
        """Says where a ranking ends."""
        return f"{self.name}|of the first {KEPT}|percent"

    def score(self, ranking: list[str], right: set[str]) -> float:
        """Returns the reciprocal rank."""
        return next((1 / place for place, key in enumerate(ranking[:KEPT], start=1) if key in right), 0.0)
