"""What became of a corpus's documents, counted batch by batch."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.config import Config
from data.document import SPLITS, Split


class SourceCounts(Config):
    """What became of the documents of one source."""

    read: int
    kept: int
    bytes_kept: int
    """UTF-8 bytes of the kept texts."""
    dropped: dict[str, int]
    """'rule/reason' -> documents."""
    pii: dict[str, int]
    """Type -> replacements in kept documents."""
    repaired: dict[str, int]
    """Rule -> kept documents that it changed."""
    tagged: dict[str, int]
    """'rule/tag' -> kept documents."""
    languages: dict[str, int]
    """Code -> kept documents."""
    lengths_read: dict[str, int]
    """Characters, rounded down to a power of two -> documents as read; those that could not be read are left out."""
    lengths_kept: dict[str, int]
    """The same of the documents that were kept, as they were kept."""


class CorpusSummary(Config):
    """What a corpus holds."""

    documents: dict[Split, int]
    bytes: dict[Split, int]
    """UTF-8 bytes of the texts."""
    languages: dict[str, int]
    """Code -> documents."""
    sources: dict[str, SourceCounts]
    prepared: dict[str, dict[str, Any]]
    """Rule -> what is known of what it was prepared from: entries of its lists, the held-out AUC of its classifier."""


class Tally:
    """Counts of a corpus that is being written."""

    def __init__(self, sources: Iterable[str]) -> None:
        """`sources` gives the order in which they are reported."""
        self._documents, self._bytes = Counter[str](), Counter[str]()
        self._sources = {name: _SourceTally() for name in sources}

    def add(self, rows: pa.RecordBatch, dropped: pa.Array) -> None:
        """Counts rows of `CLEANED_SCHEMA`, all of one source, by what became of each ('rule/reason'; null: kept)."""
        source = self._sources[rows["source"][0].as_py()]
        kept = rows.filter(dropped.is_null())
        sizes = pc.sum(pc.binary_length(kept["text"])).as_py() or 0
        source.numbers.update(read=rows.num_rows, kept=kept.num_rows, bytes_kept=sizes)
        source.dropped.update(_occurrences(dropped))
        source.pii.update(_occurrences(pc.list_flatten(kept["pii"])))
        source.repaired.update(_occurrences(pc.list_flatten(kept["repairs"])))
        source.tagged.update(_occurrences(pc.list_flatten(kept["tags"])))
        source.languages.update(_occurrences(kept["language"]))
        source.lengths_read.update(_lengths(rows["characters"]))
        source.lengths_kept.update(_lengths(pc.utf8_length(kept["text"])))

    def skip(self, source: str, documents: int) -> None:
        """Counts documents of parts that an earlier corpus has read, and that were not opened again."""
        if documents:
            self._sources[source].numbers["read"] += documents
            self._sources[source].dropped["known/part"] += documents

    def place(self, split: Split, rows: pa.RecordBatch) -> None:
        """Counts documents that a split gets."""
        self._documents[split] += rows.num_rows
        self._bytes[split] += pc.sum(pc.binary_length(rows["text"])).as_py() or 0

    def summary(self, prepared: dict[str, dict[str, Any]]) -> CorpusSummary:
        """All counts, with the facts of the rules that were prepared."""
        languages = sum((source.languages for source in self._sources.values()), Counter[str]())
        return CorpusSummary(
            documents={split: self._documents[split] for split in SPLITS},
            bytes={split: self._bytes[split] for split in SPLITS},
            languages=dict(sorted(languages.items())),
            sources={name: source.counts() for name, source in self._sources.items()},
            prepared=prepared,
        )


class _SourceTally:
    """The counts of one source."""

    def __init__(self) -> None:
        self.numbers = Counter[str]()
        self.dropped, self.pii, self.repaired, self.tagged, self.languages = (Counter[str]() for _ in range(5))
        self.lengths_read, self.lengths_kept = Counter[int](), Counter[int]()

    def counts(self) -> SourceCounts:
        names = ("dropped", "pii", "repaired", "tagged", "languages")
        return SourceCounts(
            read=self.numbers["read"],
            kept=self.numbers["kept"],
            bytes_kept=self.numbers["bytes_kept"],
            **{name: dict(sorted(getattr(self, name).items())) for name in names},
            lengths_read={str(start): count for start, count in sorted(self.lengths_read.items())},
            lengths_kept={str(start): count for start, count in sorted(self.lengths_kept.items())},
        )


def _occurrences(values: pa.Array) -> dict[str, int]:
    """Value -> how often it is there; nulls are left out."""
    counted = pc.value_counts(values.drop_null())
    return dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))


def _lengths(characters: pa.Array) -> dict[int, int]:
    """Length rounded down to a power of two -> how often it is there; 0 and nulls are left out."""
    lengths = characters.drop_null().to_numpy()
    powers, counts = np.unique(np.log2(lengths[lengths > 0]).astype(np.int64), return_counts=True)
    return dict(zip((2**powers).tolist(), counts.tolist(), strict=True))
