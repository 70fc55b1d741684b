"""Extractive question answering: `[bos] question [sep] context [eos]`, read to both sides.

The first token of each unit of the context may be where the answer starts or ends; bos is both where there is none.
Shapes: B rows, T positions, S = B questions.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from data.config import Config
from data.example_rows import UnitRows
from data.views.base import View, Viewed, flat, whole_texts


class SpanViewConfig(Config):
    """What `span` reads: nothing to choose."""


class SpanView(View[SpanViewConfig]):
    """One window of a context a row; a unit of the loss is a row."""

    reads = frozenset({"examples"})

    def __call__(self, rows: UnitRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows, the flattened positions that may be chosen, and the two columns that are right in each."""
        batch = whole_texts(rows.inputs, seeds_B, self.specials)
        starts = np.arange(len(rows.inputs)) * batch.input_ids_BT.shape[1]
        columns = [np.concatenate([[0], 1 + places]) for places in rows.places]
        right_S2 = np.stack([own[answer] for own, answer in zip(columns, rows.labels, strict=True)])
        batch = replace(
            batch,
            predict_M=flat(np.concatenate([start + own for start, own in zip(starts, columns, strict=True)])),
            labels_SK=torch.from_numpy(right_S2),
        )
        return Viewed(batch, {"span": len(rows.inputs)}, sum(map(len, rows.inputs)))
