"""What an example asks of its answer beside being right: words, a length, a sentiment.

`details.constraints` of an example, as JSON. Length is counted in words where words are written apart, and in
characters where not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from data.config import Config

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
WORDS = re.compile(rf"{_UNSPACED.pattern}|[^\W_]+(?:['\u2019][^\W_]+)*")
"""A word, or a character of a script without spaces."""


class Constraints(Config):
    """All of them are optional."""

    keywords: tuple[str, ...] = ()
    """Each has to stand in the answer; case and width do not matter. A word of letters stands there as a whole word."""
    min_words: int | None = Field(None, ge=0)
    """Fewest words, of Chinese and other unspaced text characters."""
    max_words: int | None = Field(None, gt=0)
    sentiment: str | None = None
    """Label that a classifier should give the answer."""

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.min_words is not None and self.max_words is not None and self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is more than max_words {self.max_words}")
        if any(not word.strip() for word in self.keywords):
            raise ValueError("a keyword is empty")
        return self

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Self:
        """Reads those of an example, none where it has none.

        Raises:
            ValueError: an unknown constraint, or one that nothing can keep.
        """
        try:
            return cls.model_validate(details.get("constraints", {}))
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ValueError(f"details.constraints: {problems}") from error

    def kept(self, text: str) -> dict[str, bool]:
        """Returns whether the answer keeps `keywords` and `length`, those of the two that are asked for."""
        kept: dict[str, bool] = {}
        if self.keywords:
            kept["keywords"] = all(_stands_in(word, text) for word in self.keywords)
        if self.min_words is not None or self.max_words is not None:
            words = count_words(text)
            kept["length"] = (self.min_words or 0) <= words <= (words if self.max_words is None else self.max_words)
        return kept


def count_words(text: str) -> int:
    """Returns the words of a text, a character of unspaced scripts being one; punctuation is none."""
    return len(WORDS.findall(text))


def _stands_in(word: str, text: str) -> bool:
    word, text = (unicodedata.normalize("NFKC", part).casefold().strip() for part in (word, text))
    start, end = (r"(?<!\w)" if _apart(word[0]) else ""), (r"(?!\w)" if _apart(word[-1]) else "")
    return re.search(start + re.escape(word) + end, text) is not None


def _apart(character: str) -> bool:
    return re.match(r"\w", character) is not None and not _UNSPACED.match(character)
