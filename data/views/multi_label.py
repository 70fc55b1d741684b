"""Texts with any number of classes: `[bos] text [eos]`, read to both sides. Shapes: S texts, K classes."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import ClassesRows, padded
from data.views.base import View, Viewed, batch_seed, flat


class MultiLabelViewConfig(Config):
    """What `multi_label` reads."""

    classes: int = Field(gt=0)
    """K: number of labels of the task; the task's `labels` give it."""


class MultiLabelView(View[MultiLabelViewConfig]):
    """One text a row, padded to the longest; a unit of the loss is one class of one text."""

    reads = frozenset({"examples"})

    def __call__(self, rows: ClassesRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the texts with their classes."""
        special = self.specials
        samples = [np.concatenate([[special.bos], text, [special.eos]]) for text in rows.inputs]
        input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention("full", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
            seed=batch_seed(seeds_B),
            pool_S=flat(np.arange(len(samples)) * input_ids_BT.shape[1]),
            labels_SK=torch.from_numpy(rows.labels_BK),
        )
        return Viewed(batch, {"multi_label": rows.labels_BK.size}, sum(map(len, rows.inputs)))
