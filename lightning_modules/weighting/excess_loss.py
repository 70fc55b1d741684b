"""Raise the objectives that are furthest behind, lower the others, by exponentiated gradient on their excess loss.

Related: group DRO, Sagawa et al. 2020, arXiv:1911.08731; DoReMi, Xie et al. 2023, arXiv:2305.10429. Losses are
compared as ratios to a reference of the same objective, so units do not matter: nats over 8,192 tokens and nats over
two classes can be weighed against each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveFloat

from data.config import Config
from lightning_modules.weighting.base import Need, Weighting, bounded


class ExcessLossConfig(Config):
    """Settings of `excess_loss`."""

    method: Literal["excess_loss"] = "excess_loss"
    references: dict[str, PositiveFloat] = Field(default_factory=dict)
    """Name in the stage -> loss, in nats, that the objective should reach (a smaller model's, say); past it the
    objective is no longer behind. For all objectives, or for none: then each one's own first loss is its reference,
    and the one that has kept most of it is furthest behind."""
    learning_rate: float = Field(0.5, gt=0.0)
    """Eta: an objective that is 10 % further behind gains exp(0.1 * eta) in an update."""
    pull: float = Field(0.1, ge=0.0, le=1.0)
    """Share of factor 1 that is mixed in at every update; it keeps factors from drifting for ever."""
    smoothing: float = Field(0.98, ge=0.0, lt=1.0)
    """Decay of the moving average of each loss, per step that trains the objective."""
    update_every_steps: int = Field(50, gt=0)


class ExcessLoss(Weighting[ExcessLossConfig]):
    """Factors follow the smoothed training losses."""

    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})

    def __init__(self, config: ExcessLossConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        if config.references and set(config.references) != set(names):
            raise ValueError(
                f"weighting.references names {', '.join(sorted(config.references))}, but the stage has "
                f"{', '.join(sorted(names))}: give a reference for each of these, or none at all"
            )
        self._first: dict[str, float] = {}
        self._smoothed: dict[str, float] = {}

    def observe(self, step: int, losses: dict[str, float]) -> None:
        """Smooths the losses and, every `update_every_steps` once all objectives were seen, moves the factors.

        Raises:
            ValueError: a loss is not a positive, finite number.
        """
        for name, loss in losses.items():
            if not (math.isfinite(loss) and loss >= 0.0):
                raise ValueError(f"step {step}: the loss of {name} is {loss}; excess_loss needs finite losses >= 0")
            self._first.setdefault(name, loss)
            decay = self.config.smoothing
            self._smoothed[name] = decay * self._smoothed.get(name, loss) + (1.0 - decay) * loss
        if (step + 1) % self.config.update_every_steps == 0 and len(self._smoothed) == len(self.names):
            self._update()

    def _update(self) -> None:
        raised = {
            name: factor * math.exp(self.config.learning_rate * self._behind(name))
            for name, factor in self._factors.items()
        }
        pull = self.config.pull
        self._factors = {name: (1.0 - pull) * factor + pull for name, factor in bounded(raised).items()}

    def _behind(self, name: str) -> float:
        """Excess over the given reference, relative to it; without one, the share that is left of the first loss."""
        if self.config.references:
            return max(0.0, self._smoothed[name] / self.config.references[name] - 1.0)
        return self._smoothed[name] / max(self._first[name], 1e-12)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"first": dict(self._first), "smoothed": dict(self._smoothed)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._first, self._smoothed = dict(state["first"]), dict(state["smoothed"])
