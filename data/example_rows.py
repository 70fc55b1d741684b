"""Labelled examples on their way into a batch.

Shapes: B rows, T positions of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.packing import Ints


@dataclass(frozen=True, eq=False)
class ExampleRows:
    """Examples as a view gets them: text alone, without specials."""

    inputs: list[Ints]
    targets: list[Ints]
    """Empty arrays where the answer is a class."""
    labels_B: Ints
    """-1 where the answer is free text."""

    def take(self, chosen: Ints) -> ExampleRows:
        """Returns the examples at these indices."""
        return ExampleRows(
            [self.inputs[index] for index in chosen], [self.targets[index] for index in chosen], self.labels_B[chosen]
        )


def padded(samples: Sequence[Ints], pad: int) -> tuple[Ints, Ints, Ints | None]:
    """Returns input ids, position ids and sample ids (B, T) of rows of one sample each.

    Rows that are all equally long have no sample ids: nothing needs a mask.
    """
    lengths_B1 = np.array([len(sample) for sample in samples])[:, None]
    columns_T = np.arange(lengths_B1.max())
    real_BT = columns_T < lengths_B1
    input_ids_BT = np.full(real_BT.shape, pad, dtype=np.int64)
    input_ids_BT[real_BT] = np.concatenate(samples)
    return input_ids_BT, np.where(real_BT, columns_T, 0), None if real_BT.all() else np.where(real_BT, 0, -1)
