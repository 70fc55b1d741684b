"""What a cleaning rule is: it drops, repairs or tags documents of a batch.

A rule asks the batch's column for what it needs to know (words, lines, characters: `data.text`), which is computed once
for all rules, compares it with its settings as numpy columns, and tells the batch which rows are meant.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.config import Config
from data.sources import SourceFields
from data.text import TextColumn
from data.text.lines import join_lines

Mask = NDArray[np.bool_]
Read = Callable[[SourceFields], Iterator[str]]
"""Gives the texts of a source."""


class Change(NamedTuple):
    """What one rule did to the texts of a batch."""

    rule: str
    where: Mask
    """(N,) documents that it changed."""
    before: TextColumn
    after: TextColumn


class TextBatch:
    """N documents of one source on their way through the rules."""

    def __init__(
        self,
        texts: TextColumn | Sequence[str],
        languages: Sequence[str | None],
        min_words: int | None = None,
        min_characters: int | None = None,
        dropped: Sequence[str | None] | None = None,
    ) -> None:
        self.texts = texts if isinstance(texts, TextColumn) else TextColumn(texts)
        """As the rules so far have left them."""
        self.languages = np.array(languages, dtype=object)
        """(N,) ISO 639-1; None until the `language` rule has found it."""
        self.min_words, self.min_characters = min_words, min_characters
        """The source's own minima, in place of the length rule's."""
        self._dropped = np.array(dropped if dropped is not None else [None] * len(self.texts), dtype=object)
        self.alive: Mask = np.array([reason is None for reason in self._dropped.tolist()], dtype=np.bool_)
        """(N,) documents that nothing has dropped yet."""
        self.code: Mask = np.zeros(len(self.texts), dtype=np.bool_)
        """(N,) documents that are programs, which rules for prose are not to judge."""
        self.changes: list[Change] = []
        """What the rules so far have repaired."""
        self._tags: list[tuple[str, Mask]] = []

    def __len__(self) -> int:
        return len(self.texts)

    def drop(self, rule: str, reason: str, where: Mask) -> None:
        """Ends the way of the documents `where` (N,) is true; one that was dropped before keeps its reason."""
        where = where & self.alive
        self._dropped[where] = f"{rule}/{reason}"
        self.alive &= ~where

    def repair(self, rule: str, texts: TextColumn) -> None:
        """Takes the texts of another column for those that are alive; one that did not change is not counted."""
        changed = pc.not_equal(self.texts.array, texts.array).to_numpy(zero_copy_only=False)
        if (changed & ~self.alive).any():
            texts = TextColumn(pc.if_else(pa.array(self.alive), texts.array, self.texts.array))
            changed &= self.alive
        if changed.any():
            self.changes.append(Change(rule, changed, self.texts, texts))
            self.texts = texts

    def keep_lines(self, rule: str, keep: Mask) -> None:
        """Takes all other lines out of the documents that are alive, and the white space around what is left.

        Args:
            rule: its name.
            keep: (L,) of `texts.lines`.
        """
        texts, lines = self.texts, self.texts.lines
        keep = keep | np.repeat(~self.alive, lines.counts)
        if not keep.all():
            self.repair(rule, TextColumn.from_bytes(*join_lines(texts.data, texts.offsets, lines, keep)))

    def tag(self, rule: str, tag: str, where: Mask) -> None:
        """Marks the documents that are alive and `where` (N,) is true with 'rule/tag'."""
        self._tags.append((f"{rule}/{tag}", where & self.alive))

    @contextmanager
    def sparing(self, where: Mask) -> Iterator[None]:
        """Keeps the documents `where` (N,) out of what is done within, as if they were dropped already."""
        spared = where & self.alive
        self.alive &= ~spared
        yield
        self.alive |= spared

    @property
    def dropped(self) -> list[str | None]:
        """For each document 'rule/reason' of the rule that dropped it; None while it is alive."""
        dropped: list[str | None] = self._dropped.tolist()
        return dropped

    @property
    def repairs(self) -> list[list[str]]:
        """For each document the names of the rules that changed it."""
        return _names([(change.rule, change.where) for change in self.changes], len(self))

    @property
    def tags(self) -> list[list[str]]:
        """For each document its 'rule/tag's."""
        return _names(self._tags, len(self))


def _names(marks: list[tuple[str, Mask]], count: int) -> list[list[str]]:
    names: list[list[str]] = [[] for _ in range(count)]
    for name, where in marks:
        for row in np.flatnonzero(where).tolist():
            names[row].append(name)
    return names


C = TypeVar("C", bound=Config)


class Rule(ABC, Generic[C]):
    """One rule with its settings."""

    name: ClassVar[str]
    Config: ClassVar[type[Config]]
    prose_only: ClassVar[bool] = True
    """Whether programs are spared."""

    def __init__(self, config: C, languages: tuple[str, ...], prepared: Path | None = None) -> None:
        """`languages` are those that the corpus keeps, `prepared` is the folder that `prepare` wrote."""
        self.config, self.languages, self.prepared = config, languages, prepared

    @classmethod
    def sources(cls, config: C) -> Mapping[str, SourceFields]:
        """Setting -> what the rule reads before the first document is cleaned; most read nothing."""
        return {}

    @classmethod
    def prepare(cls, config: C, folder: Path, read: Read) -> Mapping[str, Any]:
        """Does once for all processes what the rule needs before the first document: trains, reads lists.

        Args:
            config: the rule's settings.
            folder: gets the files that the rule will load; part of the corpus.
            read: gives the texts of one of `sources`.

        Returns:
            Facts for the counts, the same whenever the same is prepared.

        Raises:
            SourceError: a source cannot be read.
            ValueError: what was read will not do.
        """
        return {}

    @abstractmethod
    def apply(self, batch: TextBatch) -> None:
        """Drops, repairs or tags documents that are alive."""
