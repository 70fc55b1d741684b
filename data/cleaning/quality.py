"""Rule `quality`: drops lists, tables, code dumps and key mashing.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, section A1.1. Length has its own rule.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text import TextColumn
from data.text.alphabet import LETTER

_SYMBOLS = ("#", "…", "...")
_BULLETS = np.array([ord(bullet) for bullet in "-*•●▪◦·"])


class QualityConfig(Config):
    """Settings of `quality`; shares are between 0 and 1."""

    max_symbols_per_word: float = Field(0.1, ge=0.0)
    """'#' and ellipses."""
    min_lettered_words: float = Field(0.8, ge=0.0, le=1.0)
    """Share of the words that hold a letter."""
    min_lettered_characters: float = Field(0.6, ge=0.0, le=1.0)
    """The same for languages without spaces, where each stretch of punctuation is a word."""
    min_mean_word_length: float = Field(3.0, ge=0.0)
    """Characters; not for languages without spaces."""
    max_mean_word_length: float = Field(10.0, gt=0.0)
    max_bullet_lines: float = Field(0.9, ge=0.0, le=1.0)
    """Share of the lines that begin with a bullet."""
    max_ellipsis_lines: float = Field(0.3, ge=0.0, le=1.0)
    """Share of the lines that end with an ellipsis."""


class Quality(Rule[QualityConfig]):
    """Reasons: 'symbols', 'few_letters', 'word_length', 'bullets', 'ellipses'."""

    name: ClassVar[str] = "quality"
    Config: ClassVar[type[Config]] = QualityConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops for the first reason that holds."""
        self._by_words(batch, batch.texts)
        self._by_lines(batch, batch.texts)

    def _by_words(self, batch: TextBatch, texts: TextColumn) -> None:
        config, words = self.config, texts.words
        counts = np.maximum(words.counts, 1)
        symbols = sum(texts.occurrences(symbol) for symbol in _SYMBOLS)
        batch.drop(self.name, "symbols", symbols > config.max_symbols_per_word * counts)
        lettered = texts.sums(words.having(LETTER), words.offsets)
        least = np.where(words.unspaced, config.min_lettered_characters, config.min_lettered_words)
        batch.drop(self.name, "few_letters", lettered < least * counts)
        # Single Han or kana characters within a text that is spaced otherwise are no short words.
        spaced = (words.characters > 1) | (words.ends - words.starts == 1)
        lengths = texts.sums(words.characters * spaced, words.offsets)
        means = lengths / np.maximum(texts.sums(spaced, words.offsets), 1)
        usual = (config.min_mean_word_length <= means) & (means <= config.max_mean_word_length)
        batch.drop(self.name, "word_length", ~words.unspaced & ~usual)

    def _by_lines(self, batch: TextBatch, texts: TextColumn) -> None:
        lines = texts.lines
        counts = texts.sums(lines.filled, lines.offsets)
        several = counts > 1  # the shares of a single line say nothing
        bullets = texts.sums(np.isin(lines.opening, _BULLETS), lines.offsets)
        batch.drop(self.name, "bullets", several & (bullets > self.config.max_bullet_lines * counts))
        ellipses = texts.sums(texts.lines_end_with("...") | texts.lines_end_with("…"), lines.offsets)
        batch.drop(self.name, "ellipses", several & (ellipses > self.config.max_ellipsis_lines * counts))
