"""Text classification: `[bos] text [eos]`, read to both sides."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.config import Config
from data.example_rows import ExampleRows
from data.views.base import View, Viewed, flat, whole_texts


class ClassificationViewConfig(Config):
    """What `classification` reads: nothing to choose."""


class ClassificationView(View[ClassificationViewConfig]):
    """One sample a row, padded to the longest; the class of each row with the position of its bos."""

    reads = frozenset({"examples"})

    def __call__(self, rows: ExampleRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        batch = replace(whole_texts(rows.inputs, seeds_B, self.specials), labels_S=flat(rows.labels_B))
        return Viewed(batch, {"classification": len(rows.inputs)}, sum(map(len, rows.inputs)))
