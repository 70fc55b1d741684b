"""Bradley-Terry: one strength for each system, from who was preferred to whom.

P(i is preferred to j) = 1 / (1 + exp(s_j - s_i)). The strengths add up to 0; a tie counts half a win to either. They
are functions of the table of wins, which is a sum over items, so a bootstrap over items is exact. Traps: a system that
always wins has no finite estimate, so each pair may start with a little of a win to both sides (`prior`); and strengths
hold only against the systems compared with.

Source: Bradley and Terry 1952; existence and uniqueness: Hunter 2004, "MM algorithms for generalized Bradley-Terry
models". The likelihood is concave and there are few systems, so Newton's steps are taken, which need some ten rounds.
Shapes: K systems; `...` any leading dimensions.
"""

from __future__ import annotations

import numpy as np

from lightning_modules.metrics.base import Floats

_ROUNDS = 200
_TOLERANCE = 1e-10
_LONGEST_STEP = 2.0
"""In nats of any strength: far from the maximum a whole Newton step may overshoot it."""


def bradley_terry(wins: Floats, prior: float = 0.0) -> Floats:
    """Returns the strengths (..., K), in nats.

    Args:
        wins: (..., K, K): how often the row's system was preferred to the column's, ties as a half; its diagonal is 0.
        prior: wins that both sides of each pair of systems start with.

    Raises:
        ValueError: no finite strengths fit: some systems were never preferred to the others, or never compared.
    """
    systems = wins.shape[-1]
    given = wins + prior * (1 - np.eye(systems))
    played = given + np.swapaxes(given, -1, -2)
    strengths: Floats = np.zeros(wins.shape[:-1])
    for _ in range(_ROUNDS):
        preferred = 1 / (1 + np.exp(strengths[..., None, :] - strengths[..., :, None]))
        slope = given.sum(-1) - (played * preferred).sum(-1)
        spread = played * preferred * (1 - preferred)
        curvature = spread.sum(-1)[..., None] * np.eye(systems) - spread
        # Shifting all strengths changes nothing; a constant added everywhere makes the only solution the centred one.
        step = _solved(curvature + 1 / systems, slope)
        longest = np.abs(step).max(-1, keepdims=True)
        if longest.max(initial=0.0) < _TOLERANCE:
            return strengths
        strengths += step * np.minimum(1, _LONGEST_STEP / np.maximum(longest, _LONGEST_STEP))
    raise _Separated()


def win_share(wins: Floats) -> Floats:
    """Returns (..., K, K): the share of its comparisons that the row's system won, NaN where there is none."""
    played = wins + np.swapaxes(wins, -1, -2)
    shares: Floats = np.divide(wins, played, out=np.full_like(played, np.nan), where=played > 0)
    return shares


def _solved(curvature: Floats, slope: Floats) -> Floats:
    try:
        step: Floats = np.asarray(np.linalg.solve(curvature, slope[..., None])[..., 0], np.float64)
    except np.linalg.LinAlgError:
        raise _Separated() from None
    return step


class _Separated(ValueError):
    """There is no maximum."""

    def __init__(self) -> None:
        super().__init__(
            "no finite strengths fit these wins: some systems were never preferred to, or never compared with, the "
            "others; collect more answers, or give a prior above 0"
        )
