"""Rule `repetition`: drops documents that say one thing over and over.

Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, table A1, with shares in words where it has characters, so that the
words' hashes suffice. A Han or kana character carries about half a word: for languages without spaces n is doubled.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.ngrams import ngram_hashes


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
        """Drops by lines first, which need no hashes."""
        for index in batch.alive():
            scale = 2 if batch.unspaced(index) else 1
            if duplicate_line_share(batch.texts[index]) > self.config.max_duplicate_lines:
                batch.drop(index, self.name, "duplicate_lines")
            elif (reason := self._repeated(batch.hashes(index), scale)) is not None:
                batch.drop(index, self.name, reason)

    def _repeated(self, hashes: NDArray[np.uint64], scale: int) -> str | None:
        for n, limit in self.config.max_top_ngrams.items():
            if top_ngram_share(hashes, n * scale) > limit:
                return f"top_{n}_gram"
        for n, limit in self.config.max_duplicate_ngrams.items():
            if duplicate_ngram_share(hashes, n * scale) > limit:
                return f"duplicate_{n}_grams"
        return None


def duplicate_line_share(text: str) -> float:
    """Share of the lines with text that repeat an earlier line; 0 for a single line."""
    if "\n" not in text:
        return 0.0
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return 1.0 - len(set(lines)) / len(lines) if lines else 0.0


def top_ngram_share(hashes: NDArray[np.uint64], n: int) -> float:
    """Share of the words under the most frequent n-gram; 0 where none comes twice."""
    grams = ngram_hashes(hashes, n)
    if len(grams) < 2:
        return 0.0
    top = int(np.unique(grams, return_counts=True)[1].max())
    return min(1.0, top * n / len(hashes)) if top > 1 else 0.0


def duplicate_ngram_share(hashes: NDArray[np.uint64], n: int) -> float:
    """Share of the n-grams that repeat an earlier one."""
    grams = ngram_hashes(hashes, n)
    return 1.0 - len(np.unique(grams)) / len(grams) if len(grams) else 0.0
