"""Openings of texts, and how these go on."""

from typing import ClassVar

from pydantic import Field

from data.constraints import WORDS
from data.document import Split
from data.tasks.base import Example, LabelledSource

_LEAST = 5
"""Words that a continuation has at least."""


class ContinuationSource(LabelledSource):
    """Where a text is cut, and what is asked of a continuation. Words are characters where a script has no spaces."""

    gives: ClassVar[frozenset[str]] = frozenset({"constraints"})

    opening_words: int = Field(30, gt=0)
    """Of each text, what a model reads."""
    continuation_words: int = Field(60, gt=0)
    """At most so many of those that follow are the answer."""
    ask_keywords: int = Field(0, ge=0)
    """So many words of the real continuation are asked for: the longest ones, of unspaced text pairs of characters that
    stand nowhere in the opening."""
    ask_length: bool = False
    """Ask for the length of the real continuation, a fifth more or less."""

    def from_text(self, text: str, group: str, split: Split | None = None) -> Example:
        """Cuts a text; one that is too short gives an empty example, which is counted."""
        words = list(WORDS.finditer(text))[: self.opening_words + self.continuation_words]
        if len(words) < self.opening_words + _LEAST:
            return Example("", "", group, split)
        place, end = words[self.opening_words].start(), words[-1].end()
        while end < len(text) and not text[end].isspace() and not text[end].isalnum():
            end += 1  # the full stop belongs to it
        opening, continuation = text[:place].rstrip(), text[place:end]
        asked = self._asked(opening, continuation, len(words) - self.opening_words)
        return Example(opening, continuation, group, split, details={"constraints": asked})

    def _asked(self, opening: str, continuation: str, length: int) -> dict[str, object]:
        asked: dict[str, object] = {}
        if self.ask_keywords:
            found = [match[0] for match in WORDS.finditer(continuation)]
            if sum(map(len, found)) < 1.5 * len(found):  # single characters: take what stands in pairs
                found = [continuation[at : at + 2] for at in range(len(continuation) - 1)]
                found = [pair for pair in found if pair.isalpha()]
            new = [word for word in dict.fromkeys(found) if word.casefold() not in opening.casefold()]
            asked["keywords"] = sorted(new, key=len, reverse=True)[: self.ask_keywords]
        if self.ask_length:
            asked |= {"min_words": length - length // 5, "max_words": length + length // 5}
        return asked
