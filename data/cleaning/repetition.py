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
from data.text import TextColumn
from data.text.repeats import count_repeats, seen_before


class RepetitionConfig(Config):
    """Settings of `repetition`; shares are between 0 and 1."""

    max_duplicate_lines: float = Field(0.3, ge=0.0, le=1.0)
    """Of the lines that are not empty, those seen before in the document."""
    max_duplicate_line_characters: float | None = Field(None, ge=0.0, le=1.0)
    """Of the characters, those in lines seen before in the document; Gopher takes 0.2. null: any."""
    max_duplicate_paragraphs: float | None = Field(None, ge=0.0, le=1.0)
    """Of the paragraphs (between empty lines), those seen before in the document; Gopher takes 0.3. null: any."""
    max_duplicate_paragraph_characters: float | None = Field(None, ge=0.0, le=1.0)
    """Of the characters, those in paragraphs seen before in the document; Gopher takes 0.2. null: any."""
    max_top_ngrams: dict[int, float] = Field({2: 0.20, 3: 0.18, 4: 0.16})
    """n -> share of the words that occurrences of the most frequent n-gram may cover."""
    max_duplicate_ngrams: dict[int, float] = Field({5: 0.15, 10: 0.10})
    """n -> share of the n-grams that may have been seen before in the document."""


class Repetition(Rule[RepetitionConfig]):
    """Reasons: 'duplicate_lines' ..., 'duplicate_paragraphs' ..., 'top_2_gram', ..., 'duplicate_5_grams', ..."""

    name: ClassVar[str] = "repetition"
    Config: ClassVar[type[Config]] = RepetitionConfig

    def apply(self, batch: TextBatch) -> None:
        """Drops by lines first, which need no words."""
        lines, words = batch.texts.lines, batch.texts.words
        filled = np.concatenate([[0], np.cumsum(lines.filled)])[lines.offsets]
        repeated = count_repeats(lines.hashes[lines.filled], filled, np.ones_like(words.counts), batch.alive)
        batch.drop(self.name, "duplicate_lines", repeated.duplicate_share > self.config.max_duplicate_lines)
        self._by_characters(batch)
        scale = np.where(words.unspaced, 2, 1)
        for n, limit in self.config.max_top_ngrams.items():
            repeats = count_repeats(words.hashes, words.offsets, n * scale, batch.alive)
            covered = np.minimum(1.0, repeats.most * n * scale / np.maximum(words.counts, 1))
            batch.drop(self.name, f"top_{n}_gram", (repeats.most > 1) & (covered > limit))
        for n, limit in self.config.max_duplicate_ngrams.items():
            repeats = count_repeats(words.hashes, words.offsets, n * scale, batch.alive)
            batch.drop(self.name, f"duplicate_{n}_grams", repeats.duplicate_share > limit)

    def _by_characters(self, batch: TextBatch) -> None:
        """Drops by how much of the text its repeated lines and paragraphs are, and by the share of the latter."""
        config, texts = self.config, batch.texts
        lines = texts.lines
        of_lines = lines.characters * lines.filled
        if config.max_duplicate_line_characters is not None:
            repeated = of_lines * seen_before(lines.hashes, lines.offsets)
            over = _share(texts.sums(repeated, lines.offsets), texts.sums(of_lines, lines.offsets))
            batch.drop(self.name, "duplicate_line_characters", over > config.max_duplicate_line_characters)
        if config.max_duplicate_paragraphs is None and config.max_duplicate_paragraph_characters is None:
            return
        hashes, characters, offsets = paragraphs(texts)
        before = seen_before(hashes, offsets)
        if config.max_duplicate_paragraphs is not None:
            over = _share(texts.sums(before, offsets), np.diff(offsets))
            batch.drop(self.name, "duplicate_paragraphs", over > config.max_duplicate_paragraphs)
        if config.max_duplicate_paragraph_characters is not None:
            over = _share(texts.sums(characters * before, offsets), texts.sums(characters, offsets))
            batch.drop(self.name, "duplicate_paragraph_characters", over > config.max_duplicate_paragraph_characters)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)


def paragraphs(texts: TextColumn) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of lines with text: (P,) hashes, (P,) characters of their lines, and (N + 1,) those of each document."""
    lines, filled = texts.lines, texts.lines.filled
    first = np.zeros(len(filled), dtype=bool)  # of a document
    first[lines.offsets[:-1]] = True
    opens = filled & (first | ~np.concatenate([[False], filled[:-1]]))
    starts = np.flatnonzero(opens)
    offsets = np.concatenate([[0], np.cumsum(opens)])[lines.offsets]
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.int64), offsets
    number = np.arange(len(filled)) - starts[np.maximum(np.cumsum(opens) - 1, 0)]  # of a line in its paragraph
    weights = (2 * number + 1).astype(np.uint64)  # odd, so that the order of the lines matters and no bit is lost
    hashes = np.add.reduceat(np.where(filled, lines.hashes * weights, np.uint64(0)), starts)
    return hashes, np.add.reduceat(np.where(filled, lines.characters, 0), starts), offsets
