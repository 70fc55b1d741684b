"""Random factors: the second control. A weighting that does not beat it has learnt nothing from the losses.

Source: Lin et al. 2022, "Reasonable effectiveness of random weighting", arXiv:2111.10603.
"""

import math
import random
from typing import Literal

from pydantic import Field

from data.config import Config
from lightning_modules.weighting.base import Observation, Weighting, bounded


class RandomConfig(Config):
    """Settings of `random`."""

    method: Literal["random"] = "random"
    update_every_steps: int = Field(50, gt=0)


class Random(Weighting[RandomConfig]):
    """Draws new factors, log-normal before the bounds, from the seed, the step and the objective's name."""

    def observe(self, step: int, observation: Observation) -> None:
        """Draws anew every `update_every_steps`."""
        if (step + 1) % self.config.update_every_steps == 0:
            draws = {name: random.Random(f"{self.seed}/{step}/{name}").gauss(0.0, 1.0) for name in self.names}
            self._factors = bounded({name: math.exp(draw) for name, draw in draws.items()})
