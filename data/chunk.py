"""The work on one chunk of a source: rules, personal data, signature; a pure function, so any process may do it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.cleaning import CleaningConfig, TextBatch, apply_rules, build_rules, overridden
from data.cleaning.repair import repaired
from data.dedup import DedupConfig, exact_keys, signatures
from data.dedup.sketch import BINS
from data.document import CORPUS_SCHEMA
from data.pii import PIIConfig, replace_pii_batch
from data.repaired_samples import CHANGES, sampled_changes
from data.sources import SourceFields
from data.text import TextColumn

SAMPLE_CHARACTERS = 500

CHUNK_SCHEMA = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("title", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("raw", pa.binary(32)),  # sha256 of the text; null where it could not be read
        pa.field("characters", pa.int32()),  # of the text; null where it could not be read
        pa.field("dropped", pa.string()),  # 'source/...' for what could not be read, 'known/...' for what was before
    ]
)
"""What is known of a document before it is cleaned."""

CLEANED_SCHEMA = pa.schema(
    [
        *CORPUS_SCHEMA,
        pa.field("source_order", pa.int32()),
        pa.field("raw", pa.binary(32)),  # sha256 of the text as read; null where there was none
        pa.field("characters", pa.int32()),  # of the text as read; null where there was none
        pa.field("key", pa.binary(32)),  # equal for exact duplicates
        pa.field("dropped", pa.string()),  # 'rule/reason'; null for what is alive
        pa.field("repairs", pa.list_(pa.string())),  # names of the rules that changed the text
        pa.field("changes", CHANGES),  # what the rules changed, of some documents
        pa.field("pii", pa.list_(pa.string())),  # types of what was replaced, once for each
        pa.field("signature", pa.binary(BINS)),  # a sketch of its shingles; null for what is dropped
    ]
)
"""What is known of a document before duplicates are looked for. The text of a dropped one is cut to a sample."""


@dataclass(frozen=True)
class Chunk:
    """Documents of one source as they were read: the unit of work, which may be done by any process."""

    source: str
    source_order: int
    rows: pa.RecordBatch
    """Of `CHUNK_SCHEMA`."""


class ChunkCleaner:
    """Cleans chunks under one configuration; built once in every process."""

    def __init__(
        self,
        sources: dict[str, SourceFields],
        languages: tuple[str, ...],
        cleaning: CleaningConfig,
        pii: PIIConfig | None,
        dedup: DedupConfig,
        prepared: Path | None = None,
    ) -> None:
        """`prepared` is the folder of `prepare_rules`."""
        self._sources, self._pii, self._dedup = sources, pii, dedup
        common = build_rules(cleaning, languages, prepared)
        self._rules = {
            name: build_rules(overridden(cleaning, source.cleaning), languages, prepared) if source.cleaning else common
            for name, source in sources.items()
        }
        self._repairs_titles = cleaning.repair is not None

    def clean(self, chunk: Chunk) -> pa.RecordBatch:
        """Returns one row of `CLEANED_SCHEMA` for each document, in their order."""
        source, rows = self._sources[chunk.source], chunk.rows
        dropped = rows["dropped"].to_pylist()
        languages = [source.language] * len(dropped)
        batch = TextBatch(TextColumn(rows["text"]), languages, source.min_words, source.min_characters, dropped)
        batch.code[:] = source.type == "code"
        apply_rules(self._rules[chunk.source], batch)
        batch.drop("cleaning", "nothing_left", np.diff(batch.texts.offsets) == 0)

        texts, pii = self._without_pii(batch.texts, batch.alive)
        titles, in_titles = self._titles(rows["title"], batch.alive)
        dead = np.flatnonzero(~batch.alive)
        samples = texts.replaced(dead, [texts[row][:SAMPLE_CHARACTERS] for row in dead.tolist()])
        columns = {
            "id": [hashlib.sha256(text).hexdigest() for text in texts.views()],
            "text": samples.array,
            "title": titles,
            "source": [chunk.source] * len(texts),
            "language": batch.languages.tolist(),
            "origin": rows["origin"],
            "licence": [source.licence] * len(texts),
            "tags": batch.tags,
            "source_order": [chunk.source_order] * len(texts),
            "raw": rows["raw"],
            "characters": rows["characters"],
            "key": exact_keys(texts),
            "dropped": batch.dropped,
            "repairs": batch.repairs,
            "changes": sampled_changes(batch, rows["raw"].to_pylist()),
            "pii": [of_text + of_title for of_text, of_title in zip(pii, in_titles, strict=True)],
            "signature": self._signatures(batch),
        }
        return pa.RecordBatch.from_pydict(columns, schema=CLEANED_SCHEMA)

    def _without_pii(self, texts: TextColumn, wanted: NDArray[np.bool_]) -> tuple[TextColumn, list[list[str]]]:
        """The texts with placeholders where `wanted` (N,), and for each the types of what was replaced in it."""
        found: list[list[str]] = [[] for _ in range(len(texts))]
        if self._pii is None or not wanted.any():
            return texts, found
        rows = np.flatnonzero(wanted).tolist()
        replaced, types = replace_pii_batch(texts.array.filter(pa.array(wanted)), self._pii.types)
        changed = {row: text for row, text, names in zip(rows, replaced, types, strict=True) if names}
        for row, names in zip(rows, types, strict=True):
            found[row] = names
        return texts.replaced(np.array([*changed], dtype=np.int64), [*changed.values()]), found

    def _titles(self, titles: pa.StringArray, wanted: NDArray[np.bool_]) -> tuple[pa.StringArray, list[list[str]]]:
        """The titles spelled as the texts are and without personal data, and types as of `_without_pii`.

        A title of which nothing is left is null; those of dropped documents may keep what personal data they have.
        """
        column = TextColumn(titles.fill_null(""))
        if self._repairs_titles:
            column = repaired(column, np.ones(len(column), dtype=np.bool_))
        column, found = self._without_pii(column, wanted)
        return pc.if_else(pc.equal(column.array, ""), pa.scalar(None, pa.string()), column.array), found

    def _signatures(self, batch: TextBatch) -> list[bytes | None]:
        """The sketches of the documents that are alive, as bytes."""
        words = batch.texts.words
        sketches = signatures(words.hashes, words.offsets, self._dedup.shingle_words)
        return [sketch.tobytes() if alive else None for sketch, alive in zip(sketches, batch.alive, strict=True)]
