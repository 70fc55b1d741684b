"""Rule `characters`: drops texts by their length and by what kinds of characters they are made of.

It catches tables of figures, headlines in capitals, emoji, art made of punctuation, and columns of blanks, whatever
their words are. Sources: Laurençon et al. 2022 (ROOTS), arXiv:2303.03915, section 3; Gao et al. 2020 (the Pile).
"""

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from data.cleaning.rule import Rule, TextBatch
from data.config import Config


class CharactersConfig(Config):
    """Settings of `characters`; shares are between 0 and 1."""

    min_length: int = Field(1, ge=0)
    """Characters of the text, white space included."""
    max_length: int = Field(10_000_000, gt=0)
    max_symbols: float = Field(0.1, ge=0.0, le=1.0)
    """Share of the characters that are symbols: + < = | ~ $ ^, arrows, emoji; Unicode's category S."""
    max_digits: float = Field(0.2, ge=0.0, le=1.0)
    """Share of the characters that are decimal digits."""
    max_upper: float = Field(0.4, ge=0.0, le=1.0)
    """Share of the letters that are capitals; scripts without capitals have none."""
    max_punctuation: float = Field(0.25, ge=0.0, le=1.0)
    """Share of the characters that are punctuation; Chinese prose has twice that of English, about 0.12."""
    max_spaces: float = Field(0.35, ge=0.0, le=1.0)
    """Share of the characters that are white space."""

    @model_validator(mode="after")
    def something_is_between(self) -> Self:
        """Refuses bounds that no text can meet."""
        if self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length} is more than max_length {self.max_length}")
        return self


class Characters(Rule[CharactersConfig]):
    """Reasons: 'too_short', 'too_long', 'symbols', 'digits', 'upper', 'punctuation', 'spaces'."""

    name: ClassVar[str] = "characters"
    Config: ClassVar[type[Config]] = CharactersConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops for the first reason that holds."""
        config, counts = self.config, batch.texts.characters
        batch.drop(self.name, "too_short", counts.total < config.min_length)
        batch.drop(self.name, "too_long", counts.total > config.max_length)
        for reason, share, of in (
            ("symbols", config.max_symbols, counts.total),
            ("digits", config.max_digits, counts.total),
            ("upper", config.max_upper, counts.letters),
            ("punctuation", config.max_punctuation, counts.total),
            ("spaces", config.max_spaces, counts.total),
        ):
            batch.drop(self.name, reason, np.greater(getattr(counts, reason), share * of))
