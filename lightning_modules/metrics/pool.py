"""Diversity of a pool of texts, and what stands for its sums.

What a text adds to a pool's diversity depends on the other texts, and a resample that draws a text twice would find a
repetition that no system made. So these metrics are not recomputed on resamples. A text's statistic is its influence,
what the pool's figure loses without it, and an equal share of what no single text accounts for; the sums over all texts
then give the figure exactly, and over resamples they vary as the jackknife says that fresh pools would.

Source: Efron and Stein 1981 (the jackknife's variance is right or too large); Efron and Tibshirani 1993, chapter 11.
Shapes: N texts.
"""

from collections import Counter
from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.splitting import pieces


def shared_out(influence_N: Floats, total: float) -> Floats:
    """Returns the influences, each with the same amount added so that they sum to `total`."""
    return influence_N + (total - influence_N.sum()) / len(influence_N)


class Distinct(Metric):
    """Different n-grams / all n-grams of a pool of texts together, in percent.

    It falls with the size of the pool, as every vocabulary does: only pools of as many, as long texts compare.
    Source: Li et al. 2016, arXiv:1510.03055, section 5.
    """

    order: ClassVar[int]
    pooled: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        """Says what is counted."""
        return (
            f"{self.name}|pool:all texts|tokens:words, punctuation, characters of unspaced scripts|case:mixed|percent"
        )

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): n-grams that only this text has, with its share of those of several texts; all n-grams."""
        split = [pieces(text) for text in outputs.predictions]
        grams = [list(zip(*(tokens[n:] for n in range(self.order)), strict=False)) for tokens in split]
        holders = Counter(gram for own in grams for gram in set(own))
        alone_N = np.array([sum(holders[gram] == 1 for gram in set(own)) for own in grams], dtype=np.float64)
        lengths_N = np.array([len(own) for own in grams], dtype=np.float64)
        return np.stack([shared_out(alone_N, len(holders)), lengths_N], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent; 0 where there is no n-gram."""
        different, total = sums[..., 0], sums[..., 1]
        return 100 * np.divide(different, total, out=np.zeros_like(different), where=total > 0)


class Distinct1(Distinct):
    """Of single words."""

    name: ClassVar[str] = "distinct_1"
    order: ClassVar[int] = 1


class Distinct2(Distinct):
    """Of pairs of words."""

    name: ClassVar[str] = "distinct_2"
    order: ClassVar[int] = 2
