"""Raise the objectives that are furthest behind, lower the others, by exponentiated gradient on their excess loss.

Related: group DRO, Sagawa et al. 2020, arXiv:1911.08731; DoReMi, Xie et al. 2023, arXiv:2305.10429. Losses are
compared as ratios to a reference of the same objective, so units do not matter: nats over 8,192 tokens and nats over
two classes can be weighed against each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from lightning_modules.weighting.base import Need, Observation, Weighting, bounded
from lightning_modules.weighting.relative import RelativeLossConfig, RelativeLosses


class ExcessLossConfig(RelativeLossConfig):
    """Settings of `excess_loss`."""

    method: Literal["excess_loss"] = "excess_loss"
    learning_rate: float = Field(0.5, gt=0.0)
    """Eta: an objective that is 10 % further behind gains exp(0.1 * eta) in an update."""
    pull: float = Field(0.1, ge=0.0, le=1.0)
    """Share of factor 1 that is mixed in at every update; it keeps factors from drifting for ever."""
    update_every_steps: int = Field(50, gt=0)


class ExcessLoss(Weighting[ExcessLossConfig]):
    """Factors follow the smoothed training losses.

    Past a given reference an objective is no longer behind. Without references, the one that has kept most of its first
    loss is furthest behind.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})

    def __init__(self, config: ExcessLossConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self._left = RelativeLosses(config, names)

    def observe(self, step: int, observation: Observation) -> None:
        """Smooths the losses and, every `update_every_steps` once all objectives were seen, moves the factors."""
        self._left.take(observation.losses)
        if (step + 1) % self.config.update_every_steps == 0 and self._left.complete:
            self._update()

    def _update(self) -> None:
        raised = {
            name: factor * math.exp(self.config.learning_rate * self._behind(name))
            for name, factor in self._factors.items()
        }
        pull = self.config.pull
        self._factors = {name: (1.0 - pull) * factor + pull for name, factor in bounded(raised).items()}

    def _behind(self, name: str) -> float:
        left = self._left[name]
        return max(0.0, left - 1.0) if self.config.references else left

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"left": self._left.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._left.load_state_dict(state["left"])
