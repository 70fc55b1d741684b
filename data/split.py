"""Which split a document belongs to: decided by its content alone.

So it depends neither on the number of files, nor on their order, nor on what else was read; a text that returns in a
later corpus returns to the same split.
"""

from typing import Self

from pydantic import Field, model_validator

from data.config import Config
from data.document import Split


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
    place = int(document_id[:12], 16) / 2**48
    if place < fractions.test:
        return "test"
    return "validation" if place < fractions.test + fractions.validation else "train"
