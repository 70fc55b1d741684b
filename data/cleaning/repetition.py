"""Rule `repetition`: drops documents that say one thing over and over.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, table A1, with shares in words where it has characters, so that the
words' hashes suffice. A Han or kana character carries about half a word: for languages without spaces n is doubled.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text.repeats import count_repeats


class RepetitionConfig(Config):
    """Settings of `repetition`; shares are between 0 and 1."""

    max_duplicate_lines: float = Field(0.3, ge=0.0, le=1.0)
    """Of the lines that are not empty, those seen before in the document."""
    max_top_ngrams: dict[int, float] = Field({2: 0.20, 3: 0.18, 4: 0.16})
    """n -> share of the words that occurrences of the most frequent n-gram may cover."""
    max_duplicate_ngrams: dict[int, float] = Field({5: 0.15, 10: 0.10})
    """n -> share of the n-grams that may have been seen before in the document."""


class Repetition(Rule[RepetitionConfig]):
    """Reasons: 'duplicate_lines', 'top_2_gram', ..., 'duplicate_5_grams', ..."""

    name: ClassVar[str] = "repetition"
    Config: ClassVar[type[Config]] = RepetitionConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops by lines first, which need no words."""
        lines, words = batch.texts.lines, batch.texts.words
        filled = np.concatenate([[0], np.cumsum(lines.filled)])[lines.offsets]
        repeated = count_repeats(lines.hashes[lines.filled], filled, np.ones_like(words.counts), batch.alive)
        batch.drop(self.name, "duplicate_lines", repeated.duplicate_share > self.config.max_duplicate_lines)
        scale = np.where(words.unspaced, 2, 1)
        for n, limit in self.config.max_top_ngrams.items():
            repeats = count_repeats(words.hashes, words.offsets, n * scale, batch.alive)
            covered = np.minimum(1.0, repeats.most * n * scale / np.maximum(words.counts, 1))
            batch.drop(self.name, f"top_{n}_gram", (repeats.most > 1) & (covered > limit))
        for n, limit in self.config.max_duplicate_ngrams.items():
            repeats = count_repeats(words.hashes, words.offsets, n * scale, batch.alive)
            batch.drop(self.name, f"duplicate_{n}_grams", repeats.duplicate_share > limit)
