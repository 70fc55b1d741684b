"""Texts with any number of classes: `[bos] text [eos]`, read to both sides. Shapes: S texts, K classes."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.example_rows import ClassesRows
from data.views.base import View, Viewed, whole_texts


class MultiLabelViewConfig(Config):
    """What `multi_label` reads."""

    classes: int = Field(gt=0)
    """K: number of labels of the task; the task's `labels` give it."""


class MultiLabelView(View[MultiLabelViewConfig]):
    """One text a row, padded to the longest; a unit of the loss is one class of one text."""

    reads = frozenset({"examples"})

    def __call__(self, rows: ClassesRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the texts with their classes."""
        batch = whole_texts(rows.inputs, seeds_B, self.specials)
        batch = replace(batch, labels_SK=torch.from_numpy(rows.labels_BK))
        return Viewed(batch, {"multi_label": rows.labels_BK.size}, sum(map(len, rows.inputs)))
