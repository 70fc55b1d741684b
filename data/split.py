"""Which split a document belongs to: decided by its content alone.

So it depends neither on the number of files, nor on their order, nor on what else was read; a text that returns in a
later corpus returns to the same split. Where near duplicates are kept, they share the split of the most preferred.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from data.config import Config
from data.document import SPLITS, Split


class SplitConfig(Config):
    """Parts of the documents that are held out; the rest is for training."""

    validation: float = Field(0.01, ge=0.0, lt=1.0)
    test: float = Field(0.01, ge=0.0, lt=1.0)

    @model_validator(mode="after")
    def something_is_left(self) -> Self:
        """Refuses fractions that leave no training part."""
        if self.validation + self.test >= 1.0:
            raise ValueError(f"validation {self.validation:g} and test {self.test:g} leave nothing to train on")
        return self


def split_of(document_id: str, fractions: SplitConfig) -> Split:
    """Places a document by the first 48 bits of its id, which are uniform because the id is a sha256.

    The test part comes first, so that changing the size of the validation part moves no document into or out of it.
    """
    return SPLITS[int(places_of(np.array([int(document_id[:16], 16)], dtype=np.uint64), fractions)[0])]


def places_of(heads_N: NDArray[np.uint64], fractions: SplitConfig) -> NDArray[np.int8]:
    """Places documents by the first 64 bits of their ids: numbers of `SPLITS`, (N,)."""
    place_N = (heads_N >> np.uint64(16)) / 2.0**48
    ends = {"test": fractions.test, "validation": fractions.test + fractions.validation}
    places_N = np.full(len(heads_N), SPLITS.index("train"), dtype=np.int8)
    for split in ("validation", "test"):
        places_N[place_N < ends[split]] = SPLITS.index(split)
    return places_N
