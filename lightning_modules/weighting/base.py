"""The contract of a weighting, and the bounds that all of them keep.

Factors multiply the recipe's weights. Their mean is 1, so a weighting moves emphasis between objectives and never the
step's size; their bounds keep an objective with an irreducible loss from starving the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

from data.config import Config

LOWEST, HIGHEST = 0.2, 5.0
"""Bounds of a factor."""

Need = Literal["losses", "shared_gradients", "loss_after_step"]
ConfigT = TypeVar("ConfigT", bound=Config)


class Weighting(ABC, Generic[ConfigT]):
    """Gives every objective of a stage its factor, and moves the factors with what it observes.

    It is not part of the graph: factors are numbers. Observations must be equal on all ranks (reduce them first).
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    """What `observe` has to be given."""

    def __init__(self, config: ConfigT, names: Sequence[str], seed: int) -> None:
        """Starts with factor 1 for each objective.

        Args:
            config: of this method.
            names: of the objectives in their stage.
            seed: of the run.
        """
        self.config = config
        self.names = list(names)
        self.seed = seed
        self._factors = dict.fromkeys(self.names, 1.0)

    def factors(self) -> dict[str, float]:
        """Returns objective -> factor: mean 1, each within 0.2 and 5."""
        return dict(self._factors)

    @abstractmethod
    def observe(self, step: int, losses: dict[str, float]) -> None:
        """Takes note of one step.

        Args:
            step: 0-based within the stage.
            losses: mean loss, in nats, of each objective that was trained in this step.
        """

    def state_dict(self) -> dict[str, Any]:
        """Returns all that a resume needs, as JSON."""
        return {"factors": self.factors()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from `state_dict()`."""
        self._factors = dict(state["factors"])


def bounded(raw: dict[str, float]) -> dict[str, float]:
    """Scales positive numbers so that, cut to the bounds, their mean is 1.

    The mean of the cut numbers never falls as the scale grows, so the scale is found by bisection.
    """
    low, high = LOWEST / max(raw.values()), HIGHEST / min(raw.values())
    while (scale := (low + high) / 2) not in (low, high):
        if _mean(_cut(raw, scale)) < 1.0:
            low = scale
        else:
            high = scale
    return _cut(raw, high)


def _cut(raw: dict[str, float], scale: float) -> dict[str, float]:
    return {name: min(max(number * scale, LOWEST), HIGHEST) for name, number in raw.items()}


def _mean(numbers: dict[str, float]) -> float:
    return sum(numbers.values()) / len(numbers)
