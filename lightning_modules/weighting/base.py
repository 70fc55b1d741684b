"""The contract of a weighting, and the bounds that all of them keep.

Factors multiply the recipe's weights. Their mean is 1, so a weighting moves emphasis between objectives and never the
step's size; their bounds keep an objective with an irreducible loss from starving the others.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from data.config import Config

LOWEST, HIGHEST = 0.2, 5.0
"""Bounds of a factor."""

Need = Literal["losses", "shared_gradients", "loss_after_step"]
ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class Observation:
    """What one step showed of the objectives that it trained: finite numbers, equal on all ranks.

    What the weighting has not asked for may be missing.
    """

    losses: Mapping[str, float] = field(default_factory=dict)
    """Objective -> mean loss, in nats, before the step."""
    gradient_norms: Mapping[str, float] = field(default_factory=dict)
    """Objective -> 2-norm, over the weights of the last shared layer, of the gradient that the objective adds to the
    step: that of weight * factor * mean loss."""
    losses_after: Mapping[str, float] = field(default_factory=dict)
    """Objective -> mean loss, in nats, of the same micro-batches under the same dropout after the step."""


class Weighting(ABC, Generic[ConfigT]):
    """Gives every objective of a stage its factor, and moves the factors with what it observes.

    It is not part of the graph: factors are numbers.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    """What `observe` has to be given. The losses cost a wait for the device, the shared gradients copies of one layer's
    gradient, and the losses after the step a forward of all its micro-batches."""

    def __init__(self, config: ConfigT, names: Sequence[str], seed: int) -> None:
        """Starts with factor 1 for each objective.

        Args:
            config: of this method.
            names: of the objectives in their stage.
            seed: of the run.

        Raises:
            ValueError: the settings do not fit these objectives.
        """
        self.config = config
        self.names = list(names)
        self.seed = seed
        self._factors = dict.fromkeys(self.names, 1.0)

    def factors(self) -> dict[str, float]:
        """Returns objective -> factor: mean 1, each within 0.2 and 5."""
        return dict(self._factors)

    def needs_at(self, step: int) -> frozenset[Need]:
        """Returns what `observe` has to be given of this step: `needs`, or less."""
        return self.needs

    @abstractmethod
    def observe(self, step: int, observation: Observation) -> None:
        """Takes note of step `step`, 0-based within the stage; called once for each."""

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


def bounded_exp(logarithms: dict[str, float]) -> dict[str, float]:
    """Returns `bounded` of the exponentials; no logarithm is too large or too small."""
    top = max(logarithms.values())
    # Only differences matter, and what lies 100 below the top ends at the lower bound in any case.
    return bounded({name: math.exp(max(logarithm - top, -100.0)) for name, logarithm in logarithms.items()})


def _cut(raw: dict[str, float], scale: float) -> dict[str, float]:
    return {name: min(max(number * scale, LOWEST), HIGHEST) for name, number in raw.items()}


def _mean(numbers: dict[str, float]) -> float:
    return sum(numbers.values()) / len(numbers)
