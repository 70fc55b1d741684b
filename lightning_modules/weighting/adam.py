"""Numbers outside of the model's graph that Adam moves, by gradients that are known in closed form.

Shapes: K objectives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam


class AdamNumbers:
    """One number an objective, from 0."""

    def __init__(self, count: int, learning_rate: float, weight_decay: float = 0.0) -> None:
        self.values_K = torch.zeros(count, dtype=torch.float64)
        self._adam = Adam([self.values_K], lr=learning_rate, weight_decay=weight_decay)

    def descend(self, gradient_K: Tensor) -> None:
        """Takes one step of Adam."""
        self.values_K.grad = gradient_K
        self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        """Returns all that a resume needs, as JSON."""
        moments = {name: moment.tolist() for name, moment in self._adam.state[self.values_K].items()}
        return {"values": self.values_K.tolist(), "moments": moments}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from `state_dict()`."""
        self.values_K.copy_(torch.tensor(state["values"], dtype=torch.float64))
        self._adam.state[self.values_K] = {
            name: torch.tensor(moment, dtype=torch.float64) for name, moment in state["moments"].items()
        }
