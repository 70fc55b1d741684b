"""The contract of a metric: per-example statistics whose sums give the value.

Every metric here is a function of sums over examples. So a bootstrap resample of any of them, corpus-level BLEU
included, is exact and is one matrix product of resample counts and statistics (see `bootstrap.py`). Those of a pool of
texts, such as the share of distinct words, are no such functions: see `pool.py` for what their statistics are.

Shapes: N examples, K statistics of a metric; `...` any leading dimensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Reads = Literal["answers", "likelihood", "words", "confidence"]
"""What a metric is computed from, and what not every system gives. `answers`: predictions and references.
`likelihood`: nats, tokens and bytes. `words`: nats and words. `confidence`: answers, each with its probability."""


@dataclass(frozen=True)
class Outputs:
    """What one system gave for N examples; a metric reads the fields that it needs."""

    predictions: Sequence[str] = ()
    """Generated text, or the name of the predicted class."""
    references: Sequence[Sequence[str]] = ()
    """Right answers of each example, at least one."""
    nll_N: Floats = field(default_factory=lambda: np.empty(0))
    """Summed negative log-likelihood of each text, in nats."""
    tokens_N: Floats = field(default_factory=lambda: np.empty(0))
    """Number of tokens that `nll_N` is summed over."""
    bytes_N: Floats = field(default_factory=lambda: np.empty(0))
    """UTF-8 bytes of each text."""
    words_N: Floats = field(default_factory=lambda: np.empty(0))
    """Words of each text."""
    confidence_N: Floats = field(default_factory=lambda: np.empty(0))
    """Probability that the system gave to its prediction."""
    samples: Sequence[Sequence[str]] = ()
    """All answers drawn to each example, where more than one was; the prediction is one of them."""
    details: Sequence[Mapping[str, Any]] = ()
    """`details` of each example, where its kind of task is measured by them: tests of a program, tables of a query."""
    judged: Sequence[str] = ()
    """What a classifier calls each prediction; empty: none was asked."""

    def give(self, reads: Reads) -> bool:
        """Whether a metric that reads this can be computed."""
        if reads == "answers":
            return True
        return bool(len({"likelihood": self.nll_N, "words": self.words_N, "confidence": self.confidence_N}[reads]))

    def take(self, chosen: Sequence[int] | NDArray[np.int64]) -> Self:
        """Returns these examples alone, in this order."""
        taken: dict[str, Any] = {}
        for name, column in vars(self).items():
            if len(column):
                taken[name] = column[chosen] if isinstance(column, np.ndarray) else [column[i] for i in chosen]
        return type(self)(**taken)


class Metric(ABC):
    """One figure of merit for one language and, for classes, one set of labels."""

    name: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    reads: ClassVar[Reads] = "answers"
    of_classes: ClassVar[bool] = False
    """It is about the labels of a task that has some."""
    pooled: ClassVar[bool] = False
    """An example's statistics depend on the others: those of a part of the examples have to be computed anew."""

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        self.language = language
        self.labels = tuple(labels)

    @property
    @abstractmethod
    def signature(self) -> str:
        """What somebody else needs in order to get the same value."""

    def applies(self, outputs: Outputs) -> bool:
        """Returns whether the examples ask for what is measured here."""
        return True

    @abstractmethod
    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, K): what each example adds to the sums."""

    @abstractmethod
    def value(self, sums: Floats) -> Floats:
        """Returns the metric (...) of summed statistics (..., K); of one example's, the score of that example."""
