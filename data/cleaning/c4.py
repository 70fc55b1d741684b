"""Rule `c4`: keeps the lines that are sentences, and drops what has few of them, is a placeholder or is code.

Source: Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.2. Of what it does, lines about policies are the rule
`boilerplate`'s work here, the list of words is that of `blocklist`, and repeated spans are that of the deduplication.
"""

from typing import ClassVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from data.cleaning.rule import Mask, Rule, TextBatch
from data.config import Config
from data.language import UNSPACED
from data.text import TextColumn
from data.text.needles import Needles, count_occurrences

_SENTENCE_END = rf"[。！？…]+|[.!?]+[\"'”’)\]]*(?:[\s{UNSPACED}]|$)"
_LOREM_IPSUM, _JAVASCRIPT = Needles(["lorem ipsum"]), Needles(["javascript"])


class C4Config(Config):
    """Settings of `c4`."""

    terminal_punctuation: bool = True
    """Whether lines are taken out that end with neither . ! ? 。 ！ ？ … nor a closing quotation mark."""
    long_line_characters: int = Field(500, gt=0)
    """Longer lines are whole paragraphs, or articles, and stay whatever they end with."""
    min_words_in_line: int = Field(3, ge=0)
    """Lines with fewer words are taken out; for languages with spaces."""
    min_characters_in_line: int = Field(5, ge=0)
    """The same for languages without: Han and kana characters, and words in other scripts."""
    javascript_lines: bool = True
    """Whether lines are taken out that speak of JavaScript."""
    min_sentences: int = Field(5, ge=0)
    """Of what is left of a document."""
    lorem_ipsum: bool = True
    """Whether documents with the printer's placeholder are dropped."""
    curly_braces: bool = True
    """Whether documents with a curly brace are dropped: it is rare in prose, and code has it."""


class C4(Rule[C4Config]):
    """Repairs by lines; reasons: 'lorem_ipsum', 'curly_brace', 'few_sentences'."""

    name: ClassVar[str] = "c4"
    Config: ClassVar[type[Config]] = C4Config

    def apply(self, batch: TextBatch) -> None:
        """Drops what needs no lines first."""
        config, texts = self.config, batch.texts
        if config.lorem_ipsum:
            starts, ends = texts.offsets[:-1], texts.offsets[1:]
            batch.drop(self.name, "lorem_ipsum", _LOREM_IPSUM.found(texts.data, starts, ends, batch.alive))
        if config.curly_braces:
            batch.drop(self.name, "curly_brace", count_occurrences(texts.data, texts.offsets, b"{") > 0)
        batch.keep_lines(self.name, self._sentences(texts))
        batch.drop(self.name, "few_sentences", count_sentences(batch.texts) < config.min_sentences)

    def _sentences(self, texts: TextColumn) -> Mask:
        """(L,) lines that are sentences; empty ones part paragraphs and stay."""
        config, lines = self.config, texts.lines
        least = np.where(texts.words.unspaced, config.min_characters_in_line, config.min_words_in_line)
        keep = texts.words_in_lines >= np.repeat(least, lines.counts)
        if config.terminal_punctuation:
            keep &= texts.ended_lines | (lines.characters > config.long_line_characters)
        if config.javascript_lines:
            keep &= ~_JAVASCRIPT.found(texts.data, lines.starts, lines.ends, lines.filled)
        return keep | ~lines.filled


def count_sentences(texts: TextColumn) -> NDArray[np.int64]:
    """(N,) ends of sentences in each text."""
    counts: NDArray[np.int64] = pc.count_substring_regex(texts.array, _SENTENCE_END).to_numpy()
    return counts
