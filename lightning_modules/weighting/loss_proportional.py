"""Weigh each objective by how much of its loss is left: factor ~ (loss / reference)^alpha.

The plainest reading of "raise the worse, lower the better". Losses are compared as shares of a reference of the same
objective, so units do not matter; unlike `excess_loss` it has no memory beyond the moving average, so factors cannot
wind up, and an objective that stands still gains only as far as the others fall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from lightning_modules.weighting.base import Need, Observation, Weighting, bounded_exp
from lightning_modules.weighting.relative import RelativeLossConfig, RelativeLosses


class LossProportionalConfig(RelativeLossConfig):
    """Settings of `loss_proportional`."""

    method: Literal["loss_proportional"] = "loss_proportional"
    alpha: float = Field(1.0, ge=0.0)
    """Exponent: 0 is `static`; with 1, twice the share left is twice the factor."""
    update_every_steps: int = Field(50, gt=0)


class LossProportional(Weighting[LossProportionalConfig]):
    """Factors are powers of the smoothed relative losses, scaled to mean 1 within the bounds."""

    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})

    def __init__(self, config: LossProportionalConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self._left = RelativeLosses(config, names)

    def observe(self, step: int, observation: Observation) -> None:
        """Smooths the losses and, every `update_every_steps` once all objectives were seen, sets the factors."""
        self._left.take(observation.losses)
        if (step + 1) % self.config.update_every_steps == 0 and self._left.complete:
            logarithms = {name: math.log(max(self._left[name], 1e-12)) for name in self.names}
            self._factors = bounded_exp({name: self.config.alpha * log for name, log in logarithms.items()})

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"left": self._left.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._left.load_state_dict(state["left"])
