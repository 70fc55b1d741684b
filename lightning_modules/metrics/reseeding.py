"""How far apart two runs come out that differ in nothing but their seed.

A paired interval over examples says whether two *networks* differ; it does not know that training one of them again
would give another network. That margin is estimated here from runs that were made again with other seeds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t


@dataclass(frozen=True)
class SeedSpread:
    """What reseeding alone does to one score."""

    deviation: float
    """Standard deviation between seeds, in the score's unit; pooled over the recipes compared."""
    seeds: int
    """Runs it was estimated from."""
    degrees: int
    """Degrees of freedom: `seeds` less the number of recipes that have at least two."""

    @property
    def margin(self) -> float:
        """95 % of the differences between two single runs of one recipe stay within it.

        Such a difference has a standard deviation of sqrt(2) times `deviation`; Student's t takes account of how few
        runs that was estimated from.
        """
        return float(student_t.ppf(0.975, self.degrees)) * math.sqrt(2) * self.deviation

    def deviations(self, difference: float) -> float:
        """Returns the size of a difference in standard deviations between seeds; infinite if seeds change nothing."""
        if difference == 0.0:
            return 0.0
        return abs(difference) / self.deviation if self.deviation else math.inf


def seed_spread(recipes: Sequence[Sequence[float]]) -> SeedSpread | None:
    """Returns the spread between seeds, pooled within recipes; None where no recipe has two runs.

    Args:
        recipes: for each recipe the score of each of its seeds.
    """
    repeated = [np.asarray(values, dtype=np.float64) for values in recipes if len(values) > 1]
    if not repeated:
        return None
    seeds = sum(len(values) for values in repeated)
    degrees = seeds - len(repeated)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in repeated)
    return SeedSpread(math.sqrt(squares / degrees), seeds, degrees)
