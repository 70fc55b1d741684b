"""What each objective adds to the gradient of the last shared layer, read off while the gradient accumulates.

A micro-batch feeds one objective, so the gradient's growth over it is that objective's: no second backward is needed.
Shapes: K objectives, P weights of the layer.
"""

from __future__ import annotations

import math

import torch
import torch.distributed as dist
from torch import Tensor

from lightning_modules.networks import Trunk


class SharedGradients:
    """Splits the gradient of one step by objective."""

    def __init__(self, trunk: Trunk) -> None:
        """Reads the last layer of `trunk`.

        Raises:
            ValueError: none of its weights is trained.
        """
        self._weights = [weight for weight in trunk.model.layers[-1].parameters() if weight.requires_grad]
        if not self._weights:
            raise ValueError(
                "the weighting compares gradients of the trunk's last layer, but nothing in that layer is trained; "
                "train it, or choose another weighting"
            )
        self._forget()

    def _forget(self) -> None:
        self._so_far_P = torch.zeros(())
        self._grown: dict[str, Tensor] = {}

    def enter(self, objective: str) -> None:
        """Credits `objective` with what the gradient has grown by since the last call."""
        parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in self._weights]
        now_P = torch.cat([part.flatten() for part in parts])
        self._grown[objective] = self._grown.get(objective, torch.zeros(())) + (now_P - self._so_far_P)
        self._so_far_P = now_P

    def norms(self, scale: float) -> dict[str, float]:
        """Returns objective -> length of what it has added, over all ranks, and forgets the step.

        DDP leaves the mean over the ranks in the gradient after the last micro-batch of a step. The mean over the ranks
        of each one's growth is still the objective's own: what the others had added before cancels out.

        Args:
            scale: what fp16 has multiplied the loss by. A gradient that it made overflow is left out.
        """
        grown_KP = torch.stack(list(self._grown.values()))
        if dist.is_initialized():
            dist.all_reduce(grown_KP)
            grown_KP /= dist.get_world_size()
        lengths = dict(zip(self._grown, (grown_KP.norm(dim=1) / scale).tolist(), strict=True))
        self._forget()
        return {objective: length for objective, length in lengths.items() if math.isfinite(length)}
