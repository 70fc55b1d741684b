"""The work on one chunk of a source: rules, personal data, signature; a pure function, so any process may do it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from data.cleaning import CleaningConfig, TextBatch, build_rules, overridden
from data.cleaning.repair import repaired
from data.dedup import DedupConfig, exact_key, signatures
from data.dedup.near import PERMUTATIONS
from data.document import CORPUS_SCHEMA, sha256_hex
from data.pii import PIIConfig, replace_pii_batch
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
        pa.field("pii", pa.list_(pa.string())),  # types of what was replaced, once for each
        pa.field("signature", pa.binary(4 * PERMUTATIONS)),  # MinHash; null for what is dropped
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
    ) -> None:
        self._sources, self._pii, self._dedup = sources, pii, dedup
        common = build_rules(cleaning, languages)
        self._rules = {
            name: build_rules(overridden(cleaning, source.cleaning), languages) if source.cleaning else common
            for name, source in sources.items()
        }
        self._repairs_titles = cleaning.repair is not None

    def clean(self, chunk: Chunk) -> pa.RecordBatch:
        """Returns one row of `CLEANED_SCHEMA` for each document, in their order."""
        source = self._sources[chunk.source]
        given: dict[str, list[Any]] = {name: chunk.rows[name].to_pylist() for name in CHUNK_SCHEMA.names}
        count = chunk.rows.num_rows
        languages = [source.language] * count
        batch = TextBatch(given["text"], languages, source.min_words, source.min_characters, given["dropped"])
        for rule in self._rules[chunk.source]:
            rule.apply(batch)

        alive = np.flatnonzero(batch.alive).tolist()
        signature: list[bytes | None] = [None] * count
        if self._dedup.near:
            words = batch.texts.words
            hashes = [words.hashes[words.offsets[index] : words.offsets[index + 1]] for index in alive]
            for index, row in zip(alive, signatures(hashes, self._dedup.shingle_words), strict=True):
                signature[index] = row.tobytes()

        texts, titles = list(batch.texts), self._titles(given["title"])
        pii: list[list[str]] = [[] for _ in texts]
        if self._pii is not None:
            for column in (texts, titles):
                replaced, found = replace_pii_batch([column[index] for index in alive], self._pii.types)
                for index, text, types in zip(alive, replaced, found, strict=True):
                    column[index] = text
                    pii[index] += types

        columns: dict[str, list[Any]] = {
            "id": [sha256_hex(text) for text in texts],
            "text": [
                text if alive else text[:SAMPLE_CHARACTERS]
                for text, alive in zip(texts, batch.alive.tolist(), strict=True)
            ],
            "title": titles,
            "source": [chunk.source] * len(titles),
            "language": batch.languages.tolist(),
            "origin": given["origin"],
            "licence": [source.licence] * len(titles),
            "tags": batch.tags,
            "source_order": [chunk.source_order] * len(titles),
            "raw": given["raw"],
            "characters": given["characters"],
            "key": [exact_key(text) for text in texts],
            "dropped": batch.dropped,
            "repairs": batch.repairs,
            "pii": pii,
            "signature": signature,
        }
        return pa.RecordBatch.from_pydict(columns, schema=CLEANED_SCHEMA)

    def _titles(self, titles: list[str | None]) -> list[str | None]:
        """The titles as the texts are spelled; null where nothing is left."""
        if not self._repairs_titles:
            return list(titles)
        known = np.array([title is not None for title in titles], dtype=bool)
        column = repaired(TextColumn([title or "" for title in titles]), known)
        return [title or None for title in column]
