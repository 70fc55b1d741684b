"""Dynamic weight averaging: the objective whose loss falls most slowly gets the largest factor.

Source: Liu et al. 2019, arXiv:1803.10704, section 3.3: K softmax over the objectives of (loss / loss before) / T. Its
epochs are windows of steps here. Only rates count: an objective that is far behind but falling gains nothing, and one
at its irreducible loss gains as much as one that is stuck; T keeps that mild.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from data.config import Config
from lightning_modules.weighting.base import Need, Observation, Weighting, bounded_exp


class DWAConfig(Config):
    """Settings of `dwa`."""

    method: Literal["dwa"] = "dwa"
    temperature: float = Field(2.0, gt=0.0)
    """T: the larger, the more equal the factors."""
    update_every_steps: int = Field(50, gt=0)
    """Length of the windows whose means are compared; a window in which an objective was never trained goes on."""


class DWA(Weighting[DWAConfig]):
    """The paper's weights, which have mean 1, are the factors; they stay 1 until two windows are complete."""

    needs: ClassVar[frozenset[Need]] = frozenset({"losses"})

    def __init__(self, config: DWAConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._before: dict[str, float] = {}

    def observe(self, step: int, observation: Observation) -> None:
        """Adds to the window and, where it ends, compares its means with those of the one before."""
        for name, loss in observation.losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss
            self._counts[name] = self._counts.get(name, 0) + 1
        if (step + 1) % self.config.update_every_steps == 0 and len(self._sums) == len(self.names):
            means = {name: self._sums[name] / self._counts[name] for name in self.names}
            if self._before:
                ratios = {name: means[name] / max(self._before[name], 1e-12) for name in self.names}
                self._factors = bounded_exp({name: ratio / self.config.temperature for name, ratio in ratios.items()})
            self._sums, self._counts, self._before = {}, {}, means

    def state_dict(self) -> dict[str, Any]:
        own = {"sums": dict(self._sums), "counts": dict(self._counts), "before": dict(self._before)}
        return super().state_dict() | own

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._sums, self._counts, self._before = dict(state["sums"]), dict(state["counts"]), dict(state["before"])
