"""Whether an answer comes to the right number."""

import re
import unicodedata
from fractions import Fraction
from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs

_NUMBER = re.compile(r"-?\d+(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?(?:/\d+)?")


class ExactNumber(Metric):
    """Share of answers whose last number is that of the reference, however it is written: 1,000 and 1000.0, ４２."""

    name: ClassVar[str] = "exact_number"
    signature = "exact_number|last number of each|exact|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): right or not, 1."""
        right = [
            (found := last_number(prediction)) is not None and found in map(last_number, references)
            for prediction, references in zip(outputs.predictions, outputs.references, strict=True)
        ]
        return np.stack([np.array(right, dtype=np.float64), np.ones(len(right))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


def last_number(text: str) -> Fraction | None:
    """Returns the last number of a text; None where it has none, or one divided by 0."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", text).replace("\u2212", "-"))
    if not found:
        return None
    # Apart, since `Fraction` reads 3/4 but not 4.5/5.
    above, _, below = found[-1].replace(",", "").partition("/")
    try:
        return Fraction(above) / Fraction(below or 1)
    except ZeroDivisionError:
        return None
