"""What is added up to a loss: by objectives, and by a network that has something of its own to be trained on."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One loss of one micro-batch as a sum with its count: the step divides, over micro-batches and devices."""

    loss_sum: Tensor
    """Scalar, fp32, in nats; 0.0 where nothing is counted."""
    count: int | Tensor
    """Units that `loss_sum` runs over."""
    ratios: dict[str, tuple[Tensor, int | Tensor]] = field(default_factory=dict)
    """What else is worth logging, each as (sum, count), without gradients."""
