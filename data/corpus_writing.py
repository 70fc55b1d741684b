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
from data.corpus_selection import KEPT_SCHEMA, Reasons
from data.document import CORPUS_SCHEMA, SPLITS
from data.dropped_samples import DroppedSamples
from data.hash_order import HashOrder
from data.parts import write_parts
from data.repaired_samples import RepairedSamples
from data.seen import SEEN_SCHEMA
from data.sources import Ledger
from data.split import SplitConfig, split_of

_BYTES_OF_KEPT, _BYTES_OF_SEEN = 700, 36
"""About what a row of `KEPT_SCHEMA` and one of `SEEN_SCHEMA` take."""

Progress = Callable[[str, int, int], None]
"""Called with the phase ('clean', 'write'), documents done, and documents in all (0 while that is unknown)."""


class NothingLeft(ValueError):
    """Every document was dropped; the message says by which rules."""


def write_corpus(
    cleaned: CleanedDocuments,
    dropped: Reasons,
    split: SplitConfig,
    ledgers: Mapping[str, Ledger],
    prepared: dict[str, dict[str, Any]],
    output: Path,
    scratch: Path,
    progress: Progress,
) -> CorpusSummary:
    """Writes the splits, `counts.json` and `audit/`.

    Args:
        cleaned: all documents that were read.
        dropped: for each 'rule/reason', or null where it stays.
        split: parts held out.
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
    done = 0
    with ExitStack() as stack:
        kept = stack.enter_context(HashOrder(scratch / "kept", KEPT_SCHEMA, "id", cleaned.rows * _BYTES_OF_KEPT))
        seen = stack.enter_context(HashOrder(scratch / "seen", SEEN_SCHEMA, "raw", cleaned.rows * _BYTES_OF_SEEN))
        writers = {name: stack.enter_context(split_writer(output / name)) for name in SPLITS}
        for rows in cleaned.read():
            reasons = dropped.slice(done, rows.num_rows)
            tally.add(rows, reasons)
            samples.add(rows, reasons)
            repaired.add(rows, reasons)
            seen.add(rows.select(["raw"]).filter(rows["raw"].is_valid()))
            staying = rows.filter(reasons.is_null())
            kept.add(staying.select(KEPT_SCHEMA.names))
            places = pa.array([split_of(document_id, split) for document_id in staying["id"].to_pylist()], pa.string())
            for name, writer in writers.items():
                part = staying.select(CORPUS_SCHEMA.names).filter(pc.equal(places, name))
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
    _write_sorted(kept.sorted(), KEPT_SCHEMA, output / "audit" / "signatures.parquet")
    distinct = (pa.table({"raw": pc.unique(table["raw"])}, schema=SEEN_SCHEMA) for table in seen.sorted())
    _write_sorted(distinct, SEEN_SCHEMA, output / "audit" / "seen.parquet")
    write_parts(ledgers.values(), output)
    return summary


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
