"""The contract of a metric: per-example statistics whose sums give the value.

Every metric here is a function of sums over examples. So a bootstrap resample of any of them, corpus-level BLEU
included, is exact and is one matrix product of resample counts and statistics (see `bootstrap.py`).

Shapes: N examples, K statistics of a metric; `...` any leading dimensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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


class Metric(ABC):
    """One figure of merit for one language and, for classes, one set of labels."""

    name: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    reads: ClassVar[Literal["answers", "likelihood"]] = "answers"
    """`answers`: predictions and references. `likelihood`: the counts that end in _N; not every system gives them."""
    right_or_wrong: ClassVar[bool] = False
    """Whether every example is either right or wrong and the value is the share of right ones: McNemar's test fits."""
    per_token: ClassVar[bool] = False
    """Whether the value depends on how the tokenizer divides text: then it is comparable within one tokenizer only."""

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        self.language = language
        self.labels = tuple(labels)

    @property
    @abstractmethod
    def signature(self) -> str:
        """What somebody else needs in order to get the same value."""

    @abstractmethod
    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, K): what each example adds to the sums."""

    @abstractmethod
    def value(self, sums: Floats) -> Floats:
        """Returns the metric (...) of summed statistics (..., K); of one example's, the score of that example."""


def comparable(ours: str, theirs: str) -> None:
    """Two values of a metric may be set against each other only if they were computed alike.

    Args:
        ours: signature of one value.
        theirs: signature of the other.

    Raises:
        ValueError: they differ; names both signatures and the parts that differ.
    """
    if ours == theirs:
        return
    raise ValueError(
        f"computed differently ({_left_over(ours, theirs)} against {_left_over(theirs, ours)}), so not compared: "
        f"{ours!r} and {theirs!r}; score both runs again alike: stagelm run RECIPE --refresh scores"
    )


def _left_over(signature: str, other: str) -> str:
    """The parts of a signature that the other does not have."""
    return ", ".join(part for part in signature.split("|") if part not in other.split("|")) or "nothing"
