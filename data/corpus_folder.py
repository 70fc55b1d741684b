"""The files of a corpus artifact: parquet parts under a dataset card, counts, and what an audit needs."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from data.config import Config
from data.document import CORPUS_SCHEMA, SPLITS, Split

# Fixed, so that the same documents give the same bytes.
ROWS_IN_GROUP = 1_024
ROWS_IN_PART = 100 * ROWS_IN_GROUP


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


class CorpusSummary(Config):
    """What a corpus holds."""

    documents: dict[Split, int]
    bytes: dict[Split, int]
    """UTF-8 bytes of the texts."""
    languages: dict[str, int]
    """Code -> documents."""
    sources: dict[str, SourceCounts]


def write_parquet(table: pa.Table, path: Path) -> None:
    """Writes a table as all parquet files here are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", compression_level=1, row_group_size=ROWS_IN_GROUP)


def write_json(content: Any, path: Path) -> None:
    """Writes JSON that is equal to the byte for equal content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class SplitWriter:
    """Writes one split as part files with full row groups; holds at most one row group."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)  # parts of a run that was killed
        folder.mkdir(parents=True)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._rows = 0
        self._part: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Takes documents, in their order; columns of `CORPUS_SCHEMA`."""
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        while self._waiting_rows >= ROWS_IN_GROUP:
            self._write_group()

    def close(self) -> None:
        """Writes what is left; a split without documents gets an empty part."""
        if self._waiting_rows or self._part is None:
            self._write_group()
        if self._part is not None:
            self._part.close()

    def _write_group(self) -> None:
        waiting = pa.Table.from_batches(self._waiting, schema=CORPUS_SCHEMA)
        if self._part is None or self._rows % ROWS_IN_PART == 0:
            if self._part is not None:
                self._part.close()
            path = self._folder / f"part-{self._rows // ROWS_IN_PART:05d}.parquet"
            self._part = pq.ParquetWriter(path, CORPUS_SCHEMA, compression="zstd", compression_level=1)
        group = waiting.slice(0, ROWS_IN_GROUP)
        self._part.write_table(group, row_group_size=ROWS_IN_GROUP)
        self._rows += group.num_rows
        rest = waiting.slice(ROWS_IN_GROUP)
        self._waiting, self._waiting_rows = rest.to_batches(), rest.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_counts(summary: CorpusSummary, output: Path) -> None:
    """Writes `counts.json` (what there is) and `audit/counts.json` (what became of each source's documents)."""
    content = summary.model_dump(mode="json")
    write_json(content.pop("sources"), output / "audit" / "counts.json")
    write_json(content, output / "counts.json")


def write_card(summary: CorpusSummary, licences: Mapping[str, str], output: Path) -> None:
    """Writes README.md, from whose head `datasets.load_dataset(folder)` knows the splits and the columns."""
    head = {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}/part-*.parquet"} for split in SPLITS],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": field.name, "list" if pa.types.is_list(field.type) else "dtype": "string"}
                for field in CORPUS_SCHEMA
            ]
        },
        "language": sorted(summary.languages),
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=True, allow_unicode=True).rstrip(), "---", "", "# Corpus", ""]
    lines += ["| source | licence | documents read | kept | MB kept | most frequent reasons to drop |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, counts in summary.sources.items():
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in Counter(counts.dropped).most_common(3)) or "none"
        numbers = f"{counts.read:,} | {counts.kept:,} | {counts.bytes_kept / 1e6:.2f}"
        lines.append(f"| {name} | {licences[name]} | {numbers} | {reasons} |")
    lines += ["", "| split | documents | MB |", "|---|---|---|"]
    lines += [f"| {split} | {summary.documents[split]:,} | {summary.bytes[split] / 1e6:.2f} |" for split in SPLITS]
    (output / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
