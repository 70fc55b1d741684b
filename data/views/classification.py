"""Text classification: `[bos] text [eos]`, read to both sides."""

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import ExampleRows, padded
from data.views.base import View, Viewed, batch_seed, flat


class ClassificationViewConfig(Config):
    """What `classification` reads: nothing to choose."""


class ClassificationView(View[ClassificationViewConfig]):
    """One sample a row, padded to the longest; the class of each row with the position of its bos."""

    reads = frozenset({"examples"})

    def __call__(self, rows: ExampleRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        special = self.specials
        samples = [np.concatenate([[special.bos], text, [special.eos]]) for text in rows.inputs]
        input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention("full", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
            seed=batch_seed(seeds_B),
            pool_S=flat(np.arange(len(samples)) * input_ids_BT.shape[1]),
            labels_S=flat(rows.labels_B),
        )
        return Viewed(batch, {"classification": len(samples)}, sum(map(len, rows.inputs)))
