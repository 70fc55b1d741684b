"""Some texts of every rule that repairs, before and after: a person sees what a rule changes."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from data.cleaning import TextBatch
from data.cleaning.rule import Change
from data.dropped_samples import SAMPLE_CHARACTERS, SAMPLES_PER_REASON

CHANGES = pa.list_(pa.struct([(name, pa.string()) for name in ("rule", "before", "after")]))
"""Type of the column with what was changed in a document, where that is a sample."""
REPAIRED_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "rule", "before", "after", "origin")])
"""Columns of `audit/repaired.parquet`."""

_MARGIN = 120
"""Bytes before the first change and after the last that a sample shows."""


def sampled_changes(batch: TextBatch, raws: list[bytes | None]) -> list[list[dict[str, str]]]:
    """For each document the changes that may become samples: those drawn lowest in this batch, of each rule.

    Args:
        batch: after all rules.
        raws: sha256 of each text as read, by which samples are drawn.
    """
    samples: list[list[dict[str, str]]] = [[] for _ in raws]
    for change in batch.changes:
        rows = np.flatnonzero(change.where & batch.alive).tolist()
        for row in sorted(rows, key=lambda row: raws[row] or b"")[:SAMPLES_PER_REASON]:
            before, after = excerpts(change, row)
            samples[row].append({"rule": change.rule, "before": before, "after": after})
    return samples


def excerpts(change: Change, row: int) -> tuple[str, str]:
    """The text of a row before and after, from a little before the first difference to a little after the last."""
    old, new = (column.data[column.offsets[row] : column.offsets[row + 1]] for column in (change.before, change.after))
    shorter = min(len(old), len(new))
    same = int(np.argmin(np.append(old[:shorter] == new[:shorter], False)))
    same_end = int(np.argmin(np.append(old[::-1][: shorter - same] == new[::-1][: shorter - same], False)))
    start, end = max(0, same - _MARGIN), max(0, same_end - _MARGIN)
    return _decoded(old[start : len(old) - end]), _decoded(new[start : len(new) - end])


def _decoded(data: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    return data.tobytes().decode(errors="ignore")[:SAMPLE_CHARACTERS]  # the margins may cut a character


class RepairedSamples:
    """Keeps the documents that are drawn lowest, of all that it is shown."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[tuple[bytes, int, dict[str, str]]]] = defaultdict(list)
        self._rows = 0

    def add(self, rows: pa.RecordBatch, dropped: pa.Array) -> None:
        """Takes rows of `CLEANED_SCHEMA` by what became of each; only of those that stay, samples are kept."""
        changed = rows.filter(pa.array(dropped.is_null()))
        columns = (changed[name].to_pylist() for name in ("source", "origin", "raw", "changes"))
        for source, origin, raw, changes in zip(*columns, strict=True):
            self._rows += 1
            for change in changes:
                kept = self._kept[source, change["rule"]]
                kept.append((raw or b"", self._rows, {**change, "source": source, "origin": origin}))
        for key, kept in self._kept.items():
            self._kept[key] = sorted(kept, key=lambda sample: sample[:2])[:SAMPLES_PER_REASON]

    def table(self) -> pa.Table:
        """The samples by source and rule, those drawn lowest first."""
        chosen = [sample for key in sorted(self._kept) for *_, sample in self._kept[key]]
        return pa.Table.from_pylist(chosen, schema=REPAIRED_SCHEMA)
