"""Rule `fineweb`: drops menus, link lists and pages that say their lines twice, by the shares of their lines.

Source: Penedo et al. 2024 (FineWeb), arXiv:2406.17557, section 3.6; the share of line breaks is from its published
pipeline, datatrove's `FineWebQualityFilter`, where it is called the list ratio.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text.repeats import seen_before


class FineWebConfig(Config):
    """Settings of `fineweb`; shares are between 0 and 1."""

    min_lines: int = Field(2, ge=1)
    """Texts with fewer lines are not judged: the shares of a single line say nothing."""
    min_ended_lines: float = Field(0.12, ge=0.0, le=1.0)
    """Share of the lines that end as a sentence does."""
    max_short_lines: float = Field(0.67, ge=0.0, le=1.0)
    """Share of the lines that are short."""
    short_line_characters: int = Field(30, ge=0)
    """Lines of at most so many are short; for languages with spaces."""
    short_line_characters_unspaced: int = Field(10, ge=0)
    """The same for languages without spaces, where a character carries about as much as three letters."""
    max_duplicate_line_characters: float = Field(0.1, ge=0.0, le=1.0)
    """Share of the characters that are in lines seen before in the document."""
    max_newlines_per_word: float = Field(0.3, ge=0.0)
    """Line breaks for each word; for languages with spaces."""
    max_newlines_per_character: float = Field(0.15, ge=0.0)
    """The same for languages without, where a character is about half a word."""


class FineWeb(Rule[FineWebConfig]):
    """Reasons: 'few_ended_lines', 'short_lines', 'duplicate_lines', 'list'."""

    name: ClassVar[str] = "fineweb"
    Config: ClassVar[type[Config]] = FineWebConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops for the first reason that holds. Empty lines do not count, but as line breaks."""
        config, texts = self.config, batch.texts
        lines, filled, unspaced = texts.lines, texts.lines.filled, texts.words.unspaced
        count = texts.sums(filled, lines.offsets)
        judged = count >= config.min_lines

        ended = texts.sums(texts.ended_lines & filled, lines.offsets)
        batch.drop(self.name, "few_ended_lines", judged & (ended < config.min_ended_lines * count))

        longest_short = np.where(unspaced, config.short_line_characters_unspaced, config.short_line_characters)
        short = filled & (lines.characters <= np.repeat(longest_short, lines.counts))
        batch.drop(
            self.name, "short_lines", judged & (texts.sums(short, lines.offsets) > config.max_short_lines * count)
        )

        repeated = filled & seen_before(lines.hashes, lines.offsets)
        characters = texts.sums(np.where(repeated, lines.characters, 0), lines.offsets)
        limit = config.max_duplicate_line_characters * texts.characters.total
        batch.drop(self.name, "duplicate_lines", judged & (characters > limit))

        allowed = np.where(unspaced, config.max_newlines_per_character, config.max_newlines_per_word)
        batch.drop(self.name, "list", judged & (lines.counts - 1 > allowed * texts.words.counts))
