"""What a cleaning rule is: it repairs, drops or tags documents of a batch.

Rules see a batch as columns, so that what several of them need (words, their hashes) is computed once, and so that a
rule may work on a whole column at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.config import Config
from data.language import is_unspaced, split_words
from data.ngrams import word_hashes


@dataclass
class TextBatch:
    """Documents of one source on their way through the rules; columns of one length."""

    texts: list[str]
    languages: list[str | None]
    """ISO 639-1; None until the `language` rule has tagged it."""
    min_words: int | None = None
    """The source's own minimum, in place of the length rule's."""
    min_characters: int | None = None
    dropped: list[str | None] = field(init=False)
    """'rule/reason' of the rule that dropped the document; None while it is alive."""
    repairs: list[list[str]] = field(init=False)
    """Names of the rules that changed the document."""
    _words: dict[int, list[str]] = field(init=False, default_factory=dict)
    _hashes: dict[int, NDArray[np.uint64]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.dropped = [None] * len(self.texts)
        self.repairs = [[] for _ in self.texts]

    def alive(self) -> Iterator[int]:
        """Indices of the documents that no rule has dropped yet."""
        return (index for index, reason in enumerate(self.dropped) if reason is None)

    def drop(self, index: int, rule: str, reason: str) -> None:
        """Ends the document's way, and says why."""
        self.dropped[index] = f"{rule}/{reason}"

    def repair(self, index: int, rule: str, text: str) -> None:
        """Replaces a text; one that did not change is not counted."""
        if text != self.texts[index]:
            self.texts[index] = text
            self.repairs[index].append(rule)
            self._words.pop(index, None)
            self._hashes.pop(index, None)

    def words(self, index: int) -> list[str]:
        """Words in lower case; Han and kana characters are words of their own."""
        if index not in self._words:
            self._words[index] = split_words(self.texts[index].lower())
        return self._words[index]

    def hashes(self, index: int) -> NDArray[np.uint64]:
        """64-bit hashes of `words`, in their order."""
        if index not in self._hashes:
            self._hashes[index] = word_hashes(self.words(index))
        return self._hashes[index]

    def unspaced(self, index: int) -> bool:
        """Whether the document's words are characters."""
        return is_unspaced(self.texts[index])


C = TypeVar("C", bound=Config)


class Rule(ABC, Generic[C]):
    """One rule with its settings; `languages` are those that the corpus keeps."""

    name: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, config: C, languages: tuple[str, ...]) -> None:
        self.config, self.languages = config, languages

    @abstractmethod
    def apply(self, batch: TextBatch) -> None:
        """Repairs, drops or tags the documents that are alive."""
