"""Rule `quality`: drops lists, tables, code dumps and key mashing.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, section A1.1. Length has its own rule.
"""

import re
from typing import ClassVar

from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

_SYMBOLS = re.compile(r"#|…|\.\.\.")
_BULLETS = ("-", "*", "•", "●", "▪", "◦", "·")
_ELLIPSES = ("…", "...")
_LETTER = re.compile(r"[^\W\d_]")


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
        for index in batch.alive():
            reason = self._reason(batch.texts[index], batch.words(index), batch.unspaced(index))
            if reason is not None:
                batch.drop(index, self.name, reason)

    def _reason(self, text: str, words: list[str], unspaced: bool) -> str | None:
        config, count = self.config, len(words) or 1
        if len(_SYMBOLS.findall(text)) > config.max_symbols_per_word * count:
            return "symbols"
        lettered = sum(1 for word in words if word.isalpha() or _LETTER.search(word) is not None)
        if lettered < (config.min_lettered_characters if unspaced else config.min_lettered_words) * count:
            return "few_letters"
        # Single Han or kana characters within a text that is spaced otherwise are no short words.
        spaced = [word for word in words if len(word) > 1 or word.isascii()]
        mean_length = sum(map(len, spaced)) / (len(spaced) or 1)
        if not unspaced and not config.min_mean_word_length <= mean_length <= config.max_mean_word_length:
            return "word_length"
        lines = [line for line in map(str.strip, text.split("\n")) if line]
        if len(lines) < 2:  # the shares of a single line say nothing
            return None
        if sum(line.startswith(_BULLETS) for line in lines) > config.max_bullet_lines * len(lines):
            return "bullets"
        if sum(line.endswith(_ELLIPSES) for line in lines) > config.max_ellipsis_lines * len(lines):
            return "ellipses"
        return None
