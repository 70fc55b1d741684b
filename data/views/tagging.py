"""Tagging: `[bos] text [eos]`, read to both sides; the first token of each unit is asked for the unit's tag."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import UnitRows, padded
from data.views.base import View, Viewed, batch_seed, flat


class TaggingViewConfig(Config):
    """What `tagging` reads."""

    classes: int = Field(gt=0)
    """Labels of the task; the task's `labels` give it. Each has two tags, and outside of all is one more."""


class TaggingView(View[TaggingViewConfig]):
    """One text a row, padded to the longest; a unit of the loss is a word or a Chinese character."""

    reads = frozenset({"examples"})

    def __call__(self, rows: UnitRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the texts, the flattened positions that are asked, and their tags."""
        special = self.specials
        samples = [np.concatenate([[special.bos], text, [special.eos]]) for text in rows.inputs]
        input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
        starts = np.arange(len(samples)) * input_ids_BT.shape[1]
        asked = [start + 1 + places for start, places in zip(starts, rows.places, strict=True)]
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention("full", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
            seed=batch_seed(seeds_B),
            predict_M=flat(np.concatenate(asked)),
            targets_M=flat(np.concatenate(rows.labels)),
        )
        return Viewed(batch, {"tagging": sum(map(len, asked))}, sum(map(len, rows.inputs)))
