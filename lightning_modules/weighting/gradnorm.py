"""GradNorm: objectives that have kept more of their loss get longer gradients, up to how much longer `alpha` says.

Source: Chen et al. 2018, arXiv:1711.02257, section 3: move the weights down the gradient of the sum over i of
|G_i - mean(G) r_i^alpha|, where G_i is the length of objective i's weighted gradient over the last shared layer, r_i
its relative loss over the mean of these, and the targets are held constant. Shapes: K objectives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from lightning_modules.weighting.adam import AdamNumbers
from lightning_modules.weighting.base import Need, Observation, Weighting, bounded_exp
from lightning_modules.weighting.relative import RelativeLossConfig, RelativeLosses
from lightning_modules.weighting.window import Window


class GradNormConfig(RelativeLossConfig):
    """Settings of `gradnorm`."""

    method: Literal["gradnorm"] = "gradnorm"
    alpha: float = Field(1.5, ge=0.0)
    """How strongly a loss that is left lengthens the gradient; 0 aims at gradients of one length."""
    learning_rate: float = Field(0.025, gt=0.0)
    """Of Adam over the logarithms of the factors: the relative change of a factor in one update, at most."""
    update_every_steps: int = Field(10, gt=0)


class GradNorm(Weighting[GradNormConfig]):
    """The paper's weights, kept positive by moving their logarithms, are the factors.

    The gradients it evens out are those of the losses as the recipe weighs them. So within the bounds it takes the
    place of the recipe's weights, which are its start; neither they nor the unit of a loss change where it ends.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"losses", "shared_gradients"})

    def __init__(self, config: GradNormConfig, names: Sequence[str], seed: int) -> None:
        super().__init__(config, names, seed)
        self._left = RelativeLosses(config, names)
        self._window = Window(names, config.update_every_steps)
        self._logarithms = AdamNumbers(len(self.names), config.learning_rate)

    def needs_at(self, step: int) -> frozenset[Need]:
        """Gradients are measured at the start of every `update_every_steps`."""
        return self.needs if self._window.is_open(step) else frozenset({"losses"})

    def observe(self, step: int, observation: Observation) -> None:
        """Smooths the losses and, once a window has the gradient of every objective, moves the factors."""
        self._left.take(observation.losses)
        if (norms := self._window.enter(step, observation.gradient_norms)) is not None:
            self._update(norms)

    def _update(self, norms: list[float]) -> None:
        norm_K = torch.tensor(norms, dtype=torch.float64).clamp_min(1e-30)
        left_K = torch.tensor([self._left[name] for name in self.names], dtype=torch.float64).clamp_min(1e-12)
        length_K = norm_K / norm_K.mean()
        excess_K = length_K - (left_K / left_K.mean()) ** self.config.alpha
        # dG_i / d log(factor_i) = G_i, here as everywhere in units of mean(G), whatever the scale of the losses.
        self._logarithms.descend(excess_K.sign() * length_K)
        self._factors = bounded_exp(dict(zip(self.names, self._logarithms.values_K.tolist(), strict=True)))
        # Back to mean 1, as in the paper, and within the bounds: nothing winds up beyond them.
        self._logarithms.values_K.copy_(torch.tensor(list(self._factors.values()), dtype=torch.float64).log())

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "left": self._left.state_dict(),
            "window": self._window.state_dict(),
            "logarithms": self._logarithms.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._left.load_state_dict(state["left"])
        self._window.load_state_dict(state["window"])
        self._logarithms.load_state_dict(state["logarithms"])
