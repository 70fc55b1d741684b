"""Rule `blocklist`: drops or tags documents in which listed words stand too often; meant for adult and toxic text.

Lists are sources of one's own, an entry a line, so that no list lies in the repository and each has an origin, a
licence and a hash. What counts is how many entries there are, and not whether there is one: a single match says little,
and a list that is applied by it costs text by and about minorities (Dodge et al. 2021, arXiv:2104.08758, section 5).

An entry with Chinese or Japanese characters is looked for anywhere, any other one as a whole word, or words. Words are
found by their hashes, all else by one automaton a language (RE2, through Arrow).
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from data.cleaning.rule import Read, Rule, TextBatch
from data.config import Config
from data.language import UNSPACED
from data.sources import SourceConfig, SourceFields, TaskConfig
from data.text import TextColumn

_FILE = "entries.json"
_ANYWHERE = re.compile(f"[{UNSPACED}]")
_WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")


class BlocklistConfig(Config):
    """Settings of `blocklist`."""

    lists: dict[str, tuple[SourceConfig, ...]] = Field(min_length=1)
    """ISO 639-1 code -> text files with its entries, of your own or in wheels: an entry a line, '#' begins a remark."""
    except_entries: tuple[str, ...] = ()
    """Entries that are left out, in lower case: what a list holds and your text says innocently."""
    min_entry_characters: int = Field(2, ge=1)
    """Shorter entries are left out: a single Chinese character stands in words of every kind."""
    min_matches: int = Field(3, ge=1)
    """A text with fewer passes whatever their share."""
    min_share: float = Field(0.01, ge=0.0, le=1.0)
    """A text with fewer matches for each of its words (characters in languages without spaces) passes, too."""
    action: Literal["drop", "tag"] = "drop"

    @field_validator("lists")
    @classmethod
    def lists_are_files(cls, lists: dict[str, tuple[SourceConfig, ...]]) -> dict[str, tuple[SourceConfig, ...]]:
        """Refuses what is not there when the rules are prepared."""
        for language, sources in lists.items():
            if not sources or any(isinstance(source, TaskConfig) for source in sources):
                raise ValueError(f"{language}: name files of entries: a path, or a member of a wheel; a task is none")
        return lists


class Blocklist(Rule[BlocklistConfig]):
    """Reason, or tag: 'listed_words'. Only documents whose language has a list are judged."""

    name: ClassVar[str] = "blocklist"
    Config: ClassVar[type[Config]] = BlocklistConfig
    prose_only: ClassVar[bool] = False

    @classmethod
    def sources(cls, config: BlocklistConfig) -> dict[str, SourceFields]:
        return {
            f"lists.{language}.{number}": source
            for language, sources in config.lists.items()
            for number, source in enumerate(sources)
        }

    @classmethod
    def prepare(cls, config: BlocklistConfig, folder: Path, read: Read) -> dict[str, Any]:
        """Reads the lists and keeps their entries, so that the corpus says what it was cleaned by."""
        entries = {}
        for language, sources in config.lists.items():
            lines = {entry for source in sources for text in read(source) for entry in _entries(text)}
            kept = sorted(
                entry
                for entry in lines
                if len(entry) >= config.min_entry_characters and entry not in config.except_entries
            )
            if not kept:
                raise ValueError(f"corpus.cleaning.blocklist.lists.{language}: not one entry in it, one a line")
            entries[language] = kept
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps(entries, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        return {f"entries_{language}": len(kept) for language, kept in entries.items()}

    def apply(self, batch: TextBatch) -> None:
        """Counts language by language."""
        config = self.config
        for language, listed in self._listed.items():
            where = batch.alive & (batch.languages == language)
            if not where.any():
                continue
            texts = TextColumn(batch.texts.array.filter(pa.array(where)))
            matches = np.zeros(len(batch), dtype=np.int64)
            matches[where] = listed.matches(texts)
            enough = matches >= np.maximum(config.min_matches, config.min_share * batch.texts.words.counts)
            act = batch.drop if config.action == "drop" else batch.tag
            act(self.name, "listed_words", enough)

    @cached_property
    def _listed(self) -> dict[str, "Listed"]:
        """The entries, loaded once per process."""
        if self.prepared is None:
            raise ValueError("corpus.cleaning.blocklist: its lists have not been read; prepare the rules first")
        entries = json.loads((self.prepared / _FILE).read_text(encoding="utf-8"))
        return {language: Listed.of(found) for language, found in entries.items()}


class Listed(NamedTuple):
    """The entries of one language, ready to be looked for."""

    words: list[str]
    """Single words, whose hashes are compared."""
    pattern: str
    """RE2 of all other entries; '' if there are none."""

    @classmethod
    def of(cls, entries: list[str]) -> "Listed":
        """Sorts entries, in lower case, by how they are found."""
        words = [entry for entry in entries if not _ANYWHERE.search(entry) and _WORD.fullmatch(entry)]
        others = sorted(set(entries) - set(words), key=lambda entry: (-len(entry), entry))  # the longest first
        return cls(words, "|".join(map(_bounded, others)))

    def matches(self, texts: TextColumn) -> NDArray[np.int64]:
        """(N,) entries in each text; where they overlap, the first is counted."""
        counts = (
            texts.sums(texts.words.among(self.words), texts.words.offsets)
            if self.words
            else np.zeros(len(texts), np.int64)
        )
        if self.pattern:
            counts = counts + pc.count_substring_regex(pc.utf8_lower(texts.array), self.pattern).to_numpy()
        return counts


def _entries(text: str) -> Iterator[str]:
    for line in text.lower().splitlines():
        entry = " ".join(line.split())
        if entry and not entry.startswith("#"):
            yield entry


def _bounded(entry: str) -> str:
    """The entry as a pattern; not within a longer word, unless it is written without spaces."""
    pattern = re.escape(entry)
    if _ANYWHERE.search(entry):
        return pattern
    edges = [r"\b" if character.isascii() and character.isalnum() else "" for character in (entry[0], entry[-1])]
    return f"{edges[0]}{pattern}{edges[1]}"
