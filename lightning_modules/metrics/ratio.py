"""Ratios of summed counts, in percent."""

import numpy as np

from lightning_modules.metrics.base import Floats


def percent(part: Floats, whole: Floats, nothing: float) -> Floats:
    """Returns 100 part / whole, and 100 `nothing` where the whole is 0."""
    return 100 * np.divide(part, whole, out=np.full_like(whole, nothing), where=whole > 0)
