"""FAMO: objectives whose losses the last steps lowered least, in proportion, gain weight.

Source: Liu et al. 2023, arXiv:2306.03792, algorithm 1: z = softmax(xi); xi descends by Adam along the Jacobian of z
times log(loss before the step) - log(loss after it). Shapes: K objectives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from data.config import Config
from lightning_modules.weighting.adam import AdamNumbers
from lightning_modules.weighting.base import Need, Observation, Weighting, bounded
from lightning_modules.weighting.window import Window


class FAMOConfig(Config):
    """Settings of `famo`."""

    method: Literal["famo"] = "famo"
    learning_rate: float = Field(0.025, gt=0.0)
    """Of Adam over xi."""
    weight_decay: float = Field(1e-3, ge=0.0)
    """Added to the gradient as this times xi; it forgets old steps. The authors' own code has 1e-2."""
    update_every_steps: int = Field(10, gt=0)
    """Each update runs the micro-batches of a step forward once more, about a third of the step's cost."""


class FAMO(Weighting[FAMOConfig]):
    """Factors are K z.

    The paper trains on z_i log(loss_i), so on z_i / loss_i times the gradient of the loss. Here the recipe's weights
    take the place of 1 / loss_i: they say how losses of different units compare.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"losses", "loss_after_step"})

    def __init__(self, config: FAMOConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self._window = Window(names, config.update_every_steps)
        self._xi = AdamNumbers(len(self.names), config.learning_rate, config.weight_decay)

    @property
    def z_K(self) -> Tensor:
        """The paper's weights, which add up to 1, before the bounds."""
        return self._xi.values_K.softmax(0)

    def needs_at(self, step: int) -> frozenset[Need]:
        """Progress is measured at the start of every `update_every_steps`."""
        return self.needs if self._window.is_open(step) else frozenset()

    def observe(self, step: int, observation: Observation) -> None:
        """Moves the factors once a window has the progress of every objective."""
        progress = {
            name: math.log(max(observation.losses[name], 1e-8) / max(after, 1e-8))
            for name, after in observation.losses_after.items()
        }
        if (complete := self._window.enter(step, progress)) is not None:
            self._update(torch.tensor(complete, dtype=torch.float64))

    def _update(self, progress_K: Tensor) -> None:
        z_K = self.z_K
        self._xi.descend(z_K * (progress_K - z_K.dot(progress_K)))
        self._factors = bounded(dict(zip(self.names, self.z_K.tolist(), strict=True)))

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"window": self._window.state_dict(), "xi": self._xi.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._window.load_state_dict(state["window"])
        self._xi.load_state_dict(state["xi"])
