"""How much a text repeats itself, as generated text does that has run into a loop.

Source: Welleck et al. 2020, arXiv:1908.04319, section 6.1 (seq-rep-n).
"""

from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.splitting import pieces

_ORDER = 4


class Repetition(Metric):
    """rep-4: mean over the texts of 1 - different / all of its 4-grams, in percent; 0 of a text that has none.

    Reads predictions alone: an answer may be without a loop and wrong.
    """

    name: ClassVar[str] = "repetition"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    @property
    def signature(self) -> str:
        """Says what is counted."""
        return f"repetition|n:{_ORDER}|tokens:words, punctuation, characters of unspaced scripts|case:mixed|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the share repeated, 1."""
        shares = [_repeated(pieces(text)) for text in outputs.predictions]
        return np.stack([np.array(shares, dtype=np.float64), np.ones(len(shares))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


def _repeated(tokens: list[str]) -> float:
    grams = list(zip(*(tokens[start:] for start in range(_ORDER)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
