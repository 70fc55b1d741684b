"""Writes a corpus artifact in one pass over its cleaned documents, of which it holds one batch."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data.cleaned import CleanedDocuments
from data.corpus_counts import CorpusSummary, Tally
from data.corpus_folder import ParquetWriter, split_writer, write_json, write_parquet
from data.corpus_selection import Selection
from data.dedup.cuts import Range, without
from data.document import CORPUS_SCHEMA, SPLITS, sha256_hex
from data.dropped_samples import DroppedSamples
from data.hash_order import HashOrder
from data.known import kept_schema
from data.parts import write_parts
from data.repaired_samples import RepairedSamples
from data.seen import SEEN_SCHEMA
from data.sources import Ledger

_BYTES_OF_KEPT, _BYTES_OF_SEEN = 700, 36
"""About what a row of `KEPT_SCHEMA` and one of `SEEN_SCHEMA` take."""

_NAMES = pa.array(SPLITS)

Progress = Callable[[str, int, int], None]
"""Called with the phase ('clean', 'write'), documents done, and documents in all (0 while that is unknown)."""


class NothingLeft(ValueError):
    """Every document was dropped; the message says by which rules."""


def write_corpus(
    cleaned: CleanedDocuments,
    selection: Selection,
    shingle_words: int,
    ledgers: Mapping[str, Ledger],
    prepared: dict[str, dict[str, Any]],
    output: Path,
    scratch: Path,
    progress: Progress,
) -> CorpusSummary:
    """Writes the splits, `counts.json` and `audit/`.

    Args:
        cleaned: all documents that were read.
        selection: what stays of them, and where.
        shingle_words: of which signatures are made, for those that will be compared with them.
        ledgers: what was read of each source, in the order of the recipe.
        prepared: facts of `prepare_rules`.
        output: the artifact's folder.
        scratch: for what has to be sorted.
        progress: see `Progress`.

    Raises:
        NothingLeft: no document is left to train on; the audit is written, and says why.
    """
    tally, samples, repaired = Tally(ledgers), DroppedSamples(), RepairedSamples()
    for source, ledger in ledgers.items():
        tally.skip(source, ledger.skipped)
    kept_rows = kept_schema(shingle_words)
    done = 0
    with ExitStack() as stack:
        kept = stack.enter_context(HashOrder(scratch / "kept", kept_rows, "id", cleaned.rows * _BYTES_OF_KEPT))
        seen = stack.enter_context(HashOrder(scratch / "seen", SEEN_SCHEMA, "raw", cleaned.rows * _BYTES_OF_SEEN))
        writers = {name: stack.enter_context(split_writer(output / name)) for name in SPLITS}
        for rows in cleaned.read():
            reasons = selection.dropped.slice(done, rows.num_rows)
            splits = _NAMES.take(pa.array(selection.splits_N[done : done + rows.num_rows]))
            seen.add(rows.select(["raw"]).filter(rows["raw"].is_valid()))
            kept.add(_columns(rows, kept_rows, split=splits).filter(reasons.is_null()))
            rows = _without(rows, selection.cuts.between(done, done + rows.num_rows), done)
            tally.add(rows, reasons)
            samples.add(rows, reasons)
            repaired.add(rows, reasons)
            for name, writer in writers.items():
                part = rows.select(CORPUS_SCHEMA.names).filter(pc.and_(reasons.is_null(), pc.equal(splits, name)))
                tally.place(name, part)
                writer.write(part)
            done += rows.num_rows
            progress("write", done, cleaned.rows)
    summary = tally.summary(prepared)
    content = summary.model_dump(mode="json")
    write_json(content.pop("sources"), output / "audit" / "counts.json")
    write_json(content, output / "counts.json")
    write_parquet(samples.table(), output / "audit" / "dropped.parquet")
    write_parquet(repaired.table(), output / "audit" / "repaired.parquet")
    if summary.documents["train"] == 0:
        raise NothingLeft(_nothing_left(summary))
    _write_sorted(kept.sorted(), kept_rows, output / "audit" / "signatures.parquet")
    distinct = (pa.table({"raw": pc.unique(table["raw"])}, schema=SEEN_SCHEMA) for table in seen.sorted())
    _write_sorted(distinct, SEEN_SCHEMA, output / "audit" / "seen.parquet")
    if selection.overlap is not None:
        write_parquet(selection.overlap.table(), output / "audit" / "overlap.parquet")
    write_parts(ledgers.values(), output)
    return summary


def _columns(rows: pa.RecordBatch, schema: pa.Schema, **others: pa.Array) -> pa.RecordBatch:
    """Returns the columns of a schema, some of them given."""
    columns = [others[name] if name in others else rows[name] for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _without(rows: pa.RecordBatch, cuts: Mapping[int, list[Range]], first: int) -> pa.RecordBatch:
    """Returns rows, numbered from `first`, with what is cut left out of their texts; their ids follow."""
    if not cuts:
        return rows
    texts, ids = rows["text"].to_pylist(), rows["id"].to_pylist()
    for row, ranges in cuts.items():
        texts[row - first] = without(texts[row - first], ranges)
        ids[row - first] = sha256_hex(texts[row - first])
    return _columns(rows, rows.schema, text=pa.array(texts, pa.string()), id=pa.array(ids, pa.string()))


def _write_sorted(tables: Iterator[pa.Table], schema: pa.Schema, path: Path) -> None:
    with ParquetWriter(schema, lambda _: path) as writer:
        for table in tables:
            for batch in table.to_batches():
                writer.write(batch)


def _nothing_left(summary: CorpusSummary) -> str:
    reasons = sum((Counter(counts.dropped) for counts in summary.sources.values()), Counter[str]())
    most = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(5))
    read = sum(counts.read for counts in summary.sources.values())
    return (
        f"corpus: no document is left to train on, of {read:,} read; dropped most: {most or 'nothing'}. "
        f"Loosen these rules, or add sources"
    )
