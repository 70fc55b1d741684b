"""Rule `length`: drops documents with too few words to learn from, or with too many to be one text."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config


class LengthConfig(Config):
    """Settings of `length`; a source may have its own minima."""

    min_words: int = Field(50, ge=1)
    """For languages with spaces."""
    min_characters: int = Field(100, ge=1)
    """For languages without: Han and kana characters, and words in other scripts."""
    max_words: int = Field(1_000_000, gt=0)
    """Words, or characters for languages without spaces."""


class Length(Rule[LengthConfig]):
    """Reasons: 'too_short', 'too_long'."""

    name: ClassVar[str] = "length"
    Config: ClassVar[type[Config]] = LengthConfig
    prose_only: ClassVar[bool] = False

    def apply(self, batch: TextBatch) -> None:
        """Drops by the number of words."""
        min_words = self.config.min_words if batch.min_words is None else batch.min_words
        min_characters = self.config.min_characters if batch.min_characters is None else batch.min_characters
        words = batch.texts.words
        batch.drop(self.name, "too_short", words.counts < np.where(words.unspaced, min_characters, min_words))
        batch.drop(self.name, "too_long", words.counts > self.config.max_words)
