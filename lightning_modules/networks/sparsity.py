"""How much of what a feed-forward network computes comes to nothing.

A SwiGLU has no exact zeros, and how small is small depends on the scale of its layer: near zero is what lies below one
hundredth of the root mean square of the activations around it. Shapes: N positions, I width inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

NEAR_ZERO = 0.01
"""Of the root mean square."""


class SparsityMeter:
    """Counts the activations of all networks it is put into."""

    def __init__(self) -> None:
        self.near_zero: float | Tensor = 0.0
        self.activations = 0

    @torch.compiler.disable
    @torch.no_grad()
    def count(self, inner: Tensor) -> None:
        """Adds the activations (..., I) of one network in one forward."""
        if inner.numel():
            size = inner.abs()
            limit = NEAR_ZERO * size.float().square().mean().sqrt()
            self.near_zero = self.near_zero + (size <= limit).sum()
            self.activations += inner.numel()


class Metered(nn.Module):
    """A feed-forward network that shows its activations, those that the last projection reads, to a meter."""

    meter: SparsityMeter | None = None


@contextmanager
def metered(network: nn.Module) -> Iterator[SparsityMeter]:
    """Counts, within the block, the activations of all feed-forward networks in `network`."""
    meter, parts = SparsityMeter(), [part for part in network.modules() if isinstance(part, Metered)]
    for part in parts:
        part.meter = meter
    try:
        yield meter
    finally:
        for part in parts:
            part.meter = None
