"""The documents of a corpus's sources, in their order, as chunks that can be cleaned apart."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from data.chunk import CHUNK_SCHEMA, SAMPLE_CHARACTERS, Chunk
from data.seen import Seen
from data.sources import Ledger, SourceError, SourceFields, read_source
from data.sources.source import Row

CHUNK_CHARACTERS = 2**20
CHUNK_DOCUMENTS = 4_096


def read_chunks(
    sources: Mapping[str, SourceFields], cache: Path, root: Path, seen: Seen, ledgers: Mapping[str, Ledger]
) -> Iterator[Chunk]:
    """All documents of all sources, source after source; what was seen before is marked as dropped.

    Parts that the ledger of their source knows are passed over, and counted there.

    Raises:
        SourceError: a source cannot be read; the message names it.
    """
    for order, (name, source) in enumerate(sources.items()):
        rows: list[Row] = []
        characters = 0
        try:
            for row in read_source(source, cache, root, ledgers[name]):
                rows.append(row)
                characters += len(row.text)
                if characters >= CHUNK_CHARACTERS or len(rows) >= CHUNK_DOCUMENTS:
                    yield Chunk(name, order, _columns(rows, seen))
                    rows, characters = [], 0
        except SourceError as error:
            raise SourceError(f"corpus.sources.{name}: {error}") from error
        if rows:
            yield Chunk(name, order, _columns(rows, seen))


def _columns(rows: list[Row], seen: Seen) -> pa.RecordBatch:
    """Rows of `CHUNK_SCHEMA`; of a text that was seen before only a sample stays."""
    raw = pa.array([None if row.defect else hashlib.sha256(row.text.encode()).digest() for row in rows], pa.binary(32))
    text = pa.array([row.text for row in rows], pa.string())
    known = pa.array(seen.holds(raw))
    defects = pa.array([row.defect and f"source/{row.defect}" for row in rows], pa.string())
    columns = {
        "text": pc.if_else(known, pc.utf8_slice_codeunits(text, 0, SAMPLE_CHARACTERS), text),
        "title": pa.array([row.title for row in rows], pa.string()),
        "origin": pa.array([row.origin for row in rows], pa.string()),
        "raw": raw,
        "characters": pc.if_else(raw.is_valid(), pc.utf8_length(text), None),
        "dropped": pc.if_else(known, "known/seen_before", defects),
    }
    return pa.RecordBatch.from_pydict(columns, schema=CHUNK_SCHEMA)
