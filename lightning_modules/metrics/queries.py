"""Whether a query gives what the right one gives.

Two queries may agree on one database by chance: rows that tell wrong queries from right ones are the data's part.
Source: Yu et al. 2018, arXiv:1809.08887, section 5 (execution accuracy).
"""

import sqlite3
from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.sandbox import same_answer


class ExecutionAccuracy(Metric):
    """Share of queries with the right rows."""

    name: ClassVar[str] = "execution_accuracy"

    @property
    def signature(self) -> str:
        """Says what ran them, and when the order of rows counts."""
        return f"execution_accuracy|sqlite:{sqlite3.sqlite_version}|order:where the right query asks for it|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Runs every query; returns (N, 2): right or not, 1."""
        right = [
            same_answer(query, references[0], details["schema"], details["rows"])
            for query, references, details in zip(outputs.predictions, outputs.references, outputs.details, strict=True)
        ]
        return np.stack([np.array(right, dtype=np.float64), np.ones(len(right))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]
