"""Rule `quality`: drops lists, tables, code dumps and key mashing.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, section A1.1. Length has its own rule.
"""

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text import TextColumn
from data.text.alphabet import LETTER
from data.text.repeats import seen_before

_STOP_WORDS = {
    "en": "the be to of and that have with",
    # Characters that are seldom part of a longer word, as 地 and 到 are.
    "zh": "的 了 是 在 和 不 有 也 就 都 而 与 及 这 那 我 他 她 你 们 被 把 着 吗 呢 很",
}
_SYMBOLS = ("#", "…", "...")
_TWICE = ("……", "......")
"""Ellipses as Chinese has them, of six dots (GB/T 15834, section 4.11), which are two of `_SYMBOLS`."""
_BULLETS = np.array([ord(bullet) for bullet in "-*•●▪◦·"])


class QualityConfig(Config):
    """Settings of `quality`; shares are between 0 and 1."""

    max_symbols_per_word: float = Field(0.1, ge=0.0)
    """'#' and ellipses, a Chinese one of six dots too being one."""
    min_lettered_words: float = Field(0.8, ge=0.0, le=1.0)
    """Share of the words that hold a letter."""
    min_lettered_characters: float = Field(0.6, ge=0.0, le=1.0)
    """The same for languages without spaces, where each stretch of punctuation is a word."""
    min_mean_word_length: float = Field(3.0, ge=0.0)
    """Characters; not for languages without spaces."""
    max_mean_word_length: float = Field(10.0, gt=0.0)
    min_stop_words: int = Field(0, ge=0)
    """Different stop words of its language that a text must have; Gopher asks for 2. 0 asks for none, so that titles,
    tables of contents and other text without sentences may stay."""
    stop_words: dict[str, tuple[str, ...]] = Field(
        {language: tuple(words.split()) for language, words in _STOP_WORDS.items()}
    )
    """ISO 639-1 code -> small words of prose, in Chinese characters; texts in other languages are not asked for any."""
    max_bullet_lines: float = Field(0.9, ge=0.0, le=1.0)
    """Share of the lines that begin with a bullet."""
    max_ellipsis_lines: float = Field(0.3, ge=0.0, le=1.0)
    """Share of the lines that end with an ellipsis."""

    @model_validator(mode="after")
    def stop_words_suffice(self) -> Self:
        """Refuses lists with fewer words than every text must have: no text of their language could stay."""
        for language, words in self.stop_words.items():
            if len(set(words)) < self.min_stop_words:
                raise ValueError(
                    f"stop_words.{language}: {len(set(words))} different words, of which a text must have "
                    f"{self.min_stop_words}; give more, or leave the language out: it is then not asked for any"
                )
        return self


class Quality(Rule[QualityConfig]):
    """Reasons: 'symbols', 'few_letters', 'word_length', 'few_stop_words', 'bullets', 'ellipses'."""

    name: ClassVar[str] = "quality"
    Config: ClassVar[type[Config]] = QualityConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops for the first reason that holds."""
        self._by_words(batch, batch.texts)
        self._by_stop_words(batch)
        self._by_lines(batch, batch.texts)

    def _by_words(self, batch: TextBatch, texts: TextColumn) -> None:
        config, words = self.config, texts.words
        counts = np.maximum(words.counts, 1)
        symbols, twice = (sum(map(texts.occurrences, strings)) for strings in (_SYMBOLS, _TWICE))
        batch.drop(self.name, "symbols", symbols - twice > config.max_symbols_per_word * counts)
        lettered = texts.sums(words.having(LETTER), words.offsets)
        least = np.where(words.unspaced, config.min_lettered_characters, config.min_lettered_words)
        batch.drop(self.name, "few_letters", lettered < least * counts)
        # Single Han or kana characters within a text that is spaced otherwise are no short words.
        spaced = (words.characters > 1) | (words.ends - words.starts == 1)
        lengths = texts.sums(words.characters * spaced, words.offsets)
        means = lengths / np.maximum(texts.sums(spaced, words.offsets), 1)
        usual = (config.min_mean_word_length <= means) & (means <= config.max_mean_word_length)
        batch.drop(self.name, "word_length", ~words.unspaced & ~usual)

    def _by_stop_words(self, batch: TextBatch) -> None:
        least, words = self.config.min_stop_words, batch.texts.words
        if not least:
            return
        for language, stop_words in self.config.stop_words.items():
            small = words.among(stop_words)
            offsets = np.concatenate([[0], np.cumsum(small)])[words.offsets]
            different = batch.texts.sums(~seen_before(words.bare_hashes[small], offsets), offsets)
            batch.drop(self.name, "few_stop_words", (batch.languages == language) & (different < least))

    def _by_lines(self, batch: TextBatch, texts: TextColumn) -> None:
        lines = texts.lines
        counts = texts.sums(lines.filled, lines.offsets)
        several = counts > 1  # the shares of a single line say nothing
        bullets = texts.sums(np.isin(lines.opening, _BULLETS), lines.offsets)
        batch.drop(self.name, "bullets", several & (bullets > self.config.max_bullet_lines * counts))
        ellipses = texts.sums(texts.lines_end_with("...") | texts.lines_end_with("…"), lines.offsets)
        batch.drop(self.name, "ellipses", several & (ellipses > self.config.max_ellipsis_lines * counts))
