"""Tagging: `[bos] text [eos]`, read to both sides; the first token of each unit is asked for the unit's tag."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.example_rows import UnitRows
from data.views.base import View, Viewed, flat, whole_texts


class TaggingViewConfig(Config):
    """What `tagging` reads."""

    classes: int = Field(gt=0)
    """Labels of the task; the task's `labels` give it. Each has two tags, and outside of all is one more."""


class TaggingView(View[TaggingViewConfig]):
    """One text a row, padded to the longest; a unit of the loss is a word or a Chinese character."""

    reads = frozenset({"examples"})

    def __call__(self, rows: UnitRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the texts, the flattened positions that are asked, and their tags."""
        batch = whole_texts(rows.inputs, seeds_B, self.specials)
        starts = np.arange(len(rows.inputs)) * batch.input_ids_BT.shape[1]
        asked = [start + 1 + places for start, places in zip(starts, rows.places, strict=True)]
        batch = replace(batch, predict_M=flat(np.concatenate(asked)), targets_M=flat(np.concatenate(rows.labels)))
        return Viewed(batch, {"tagging": sum(map(len, asked))}, sum(map(len, rows.inputs)))
