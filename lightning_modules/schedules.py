"""The learning rate over a stage, as a factor of its peak."""

import math
from typing import Literal

from pydantic import Field

from data.config import Config


class ScheduleConfig(Config):
    """Warm-up from 0 to the peak, then one shape down to the floor."""

    shape: Literal["cosine", "linear", "stable_decay"] = "stable_decay"
    """`stable_decay` holds the peak and goes down linearly at the end; the others go down from the warm-up on."""
    warmup_fraction: float = Field(0.04, ge=0.0, lt=1.0)
    """Part of the stage's steps spent on the way up."""
    decay_fraction: float = Field(0.5, gt=0.0, le=1.0)
    """Part of the stage's steps spent on the way down; read by `stable_decay` only."""
    final_fraction: float = Field(0.02, ge=0.0, le=1.0)
    """The floor, reached at the last step, as a part of the peak."""

    def factor(self, step: int, steps: int) -> float:
        """Returns what the peak is multiplied by.

        Args:
            step: 0 gives 0.0 where there is a warm-up; the n-th update, counted from 1, is made with `factor(n, ...)`,
                so that none is wasted on a rate of 0.
            steps: length of the stage.
        """
        warmup_steps = round(self.warmup_fraction * steps)
        if step < warmup_steps:
            return step / warmup_steps
        decay_steps = steps - warmup_steps
        if self.shape == "stable_decay":
            decay_steps = min(decay_steps, round(self.decay_fraction * steps))
        progress = min(1.0, max(0.0, (step - (steps - decay_steps)) / max(1, decay_steps)))
        height = 0.5 * (1.0 + math.cos(math.pi * progress)) if self.shape == "cosine" else 1.0 - progress
        return self.final_fraction + (1.0 - self.final_fraction) * height
