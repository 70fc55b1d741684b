"""Uncertainty weighting: the HIGHER a loss, the LOWER its weight, as if high losses were noisy ones.

Source: Kendall et al. 2018, arXiv:1705.07115, section 3.2, in logarithms: sum_i loss_i / (2 exp(s_i)) + s_i / 2 over
learned s_i, whose optimum is exp(s_i) = loss_i. That is the contrary of raising what is behind; it is here to be
compared with, and evens out losses of different units. The objective that is learnt best is weighed most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from data.config import Config
from lightning_modules.weighting.base import Need, Observation, Weighting, bounded_exp


class UncertaintyConfig(Config):
    """Settings of `uncertainty`."""

    method: Literal["uncertainty"] = "uncertainty"
    learning_rate: float = Field(0.01, gt=0.0, le=1.0)
    """Of gradient descent on s; near the optimum, 2 / learning_rate steps close most of a gap."""


class Uncertainty(Weighting[UncertaintyConfig]):
    """Factors are exp(-s_i), scaled to mean 1 within the bounds; the recipe's weights stay on top of them.

    s_i sees the loss without the recipe's weight, which it would cancel. Its gradient (1 - loss_i exp(-s_i)) / 2 needs
    no graph, and the curvature at the optimum is 1/2 in any unit of the loss, so plain gradient descent does.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})

    def __init__(self, config: UncertaintyConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self.s = dict.fromkeys(self.names, 0.0)
        """Objective -> logarithm of its learned variance."""

    def observe(self, step: int, observation: Observation) -> None:
        """Moves s of each objective that was trained."""
        for name, loss in observation.losses.items():
            self.s[name] -= self.config.learning_rate * (1.0 - max(loss, 1e-8) * math.exp(-self.s[name])) / 2.0
        self._factors = bounded_exp({name: -s for name, s in self.s.items()})

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"s": dict(self.s)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.s = dict(state["s"])
