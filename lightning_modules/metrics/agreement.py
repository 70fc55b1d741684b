"""Krippendorff's alpha: how far raters agree beyond what chance gives, 1 for always, 0 for no more than chance.

alpha = 1 - D_o / D_e: the disagreement within units over that of all values paired with all. Both are functions of the
coincidence matrix, which is a sum over units, so a bootstrap over units is exact. A unit with one rating holds no pair
and adds nothing; ratings may be missing anywhere. Traps: alpha falls where nearly all values are one and the same, for
then chance agrees as well; and it is undefined, not 1, where all are.

Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
Shapes: N units, R raters, V values that a rating can have; `...` any leading dimensions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightning_modules.metrics.base import Floats

MISSING = -1
"""In place of a rating that was not given."""

Level = Literal["nominal", "ordinal", "interval"]
"""What differences mean: `nominal` same or not, `ordinal` the ranks between, `interval` the distance, squared."""


def coincidences(ratings_NR: NDArray[np.int64], values: int) -> Floats:
    """Returns (N, V * V): what each unit adds to the coincidence matrix.

    Args:
        ratings_NR: index of each rating among the values, in their order; `MISSING` where there is none.
        values: V.

    Raises:
        ValueError: a rating is no value.
    """
    if ratings_NR.size and not (ratings_NR.min() >= MISSING and ratings_NR.max() < values):
        raise ValueError(
            f"ratings must be {MISSING} or 0 to {values - 1}, got {ratings_NR.min()} to {ratings_NR.max()}"
        )
    counts_NV = (ratings_NR[:, :, None] == np.arange(values)).sum(1).astype(np.float64)
    ratings_N = counts_NV.sum(1)
    pairs_NVV = counts_NV[:, :, None] * counts_NV[:, None, :] - counts_NV[:, :, None] * np.eye(values)
    shares_NVV: Floats = pairs_NVV / np.maximum(ratings_N - 1, 1)[:, None, None]
    return shares_NVV.reshape(len(ratings_NR), values * values)


def krippendorff_alpha(sums: Floats, level: Level) -> Floats:
    """Returns alpha (...) of summed coincidences (..., V * V); NaN where no two ratings differ or none is paired.

    The values of an `interval` scale are taken to be evenly spaced.
    """
    values = round(sums.shape[-1] ** 0.5)
    observed = sums.reshape(*sums.shape[:-1], values, values)
    marginals = observed.sum(-1)
    total = marginals.sum(-1)
    distance = _squared_distances(marginals, level)
    within = (observed * distance).sum((-2, -1))
    between = (marginals[..., :, None] * marginals[..., None, :] * distance).sum((-2, -1))
    ratio = np.divide((total - 1) * within, between, out=np.full_like(between, np.nan), where=between > 0)
    alpha: Floats = 1 - ratio
    return alpha


def _squared_distances(marginals: Floats, level: Level) -> Floats:
    """Returns (..., V, V); on an ordinal scale they depend on how often each value was given."""
    places = np.arange(marginals.shape[-1], dtype=np.float64)
    if level == "nominal":
        differ: Floats = (places[:, None] != places).astype(np.float64)
        return differ
    if level == "ordinal":
        places = marginals.cumsum(-1) - marginals / 2  # the middle of each value's ranks
    squares: Floats = (places[..., :, None] - places[..., None, :]) ** 2
    return squares
