"""Extractive question answering: `[bos] question [sep] context [eos]`, read to both sides.

The first token of each unit of the context may be where the answer starts or ends; bos is both where there is none.
Shapes: B rows, T positions, S = B questions.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import UnitRows, padded
from data.views.base import View, Viewed, batch_seed, flat


class SpanViewConfig(Config):
    """What `span` reads: nothing to choose."""


class SpanView(View[SpanViewConfig]):
    """One window of a context a row; a unit of the loss is a row."""

    reads = frozenset({"examples"})

    def __call__(self, rows: UnitRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows, the flattened positions that may be chosen, and the two columns that are right in each."""
        special = self.specials
        samples = [np.concatenate([[special.bos], text, [special.eos]]) for text in rows.inputs]
        input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
        columns = [np.concatenate([[0], 1 + places]) for places in rows.places]
        starts = np.arange(len(samples)) * input_ids_BT.shape[1]
        right_S2 = np.stack([own[answer] for own, answer in zip(columns, rows.labels, strict=True)])
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention("full", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
            seed=batch_seed(seeds_B),
            predict_M=flat(np.concatenate([start + own for start, own in zip(starts, columns, strict=True)])),
            labels_SK=torch.from_numpy(right_S2),
        )
        return Viewed(batch, {"span": len(samples)}, sum(map(len, rows.inputs)))
