"""Some documents of every reason and source, drawn by their id: a person sees what a rule does."""

from collections import defaultdict
from heapq import heappush, heappushpop
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data.document import draw

SAMPLES_PER_REASON = 20
SAMPLE_CHARACTERS = 500

DROPPED_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "rule", "reason", "text", "origin")])
"""Columns of `audit/dropped.parquet`."""

_Sample = tuple[float, int, dict[str, Any]]
"""Draw and row, both negated, so that a heap's least is the one to give up; and the document."""


class DroppedSamples:
    """Keeps the documents that are drawn lowest, of all that it is shown."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[_Sample]] = defaultdict(list)
        self._rows = 0

    def add(self, rows: pa.RecordBatch, dropped: pa.Array) -> None:
        """Takes rows of `CLEANED_SCHEMA` by what became of each ('rule/reason'; null: it was kept)."""
        numbers = pc.indices_nonzero(dropped.is_valid())
        gone = rows.select(["id", "source", "origin", "text"]).take(numbers)
        texts = gone["text"]
        keys = zip(*(column.to_pylist() for column in (gone["source"], dropped.take(numbers), gone["id"])), strict=True)
        for number, (source, reason, document_id) in enumerate(keys):
            kept = self._kept[source, reason]
            drawn = (-draw(document_id), -(self._rows + number))
            if len(kept) == SAMPLES_PER_REASON and drawn < kept[0][:2]:
                continue
            document = {
                "source": source,
                "rule": reason.partition("/")[0],
                "reason": reason.partition("/")[2],
                "text": texts[number].as_py()[:SAMPLE_CHARACTERS],
                "origin": gone["origin"][number].as_py(),
            }
            if len(kept) < SAMPLES_PER_REASON:
                heappush(kept, (*drawn, document))
            else:
                heappushpop(kept, (*drawn, document))
        self._rows += len(numbers)

    def table(self) -> pa.Table:
        """The samples by source and reason, those drawn lowest first."""
        chosen = [sample for key in sorted(self._kept) for *_, sample in sorted(self._kept[key], key=_lowest_first)]
        return pa.Table.from_pylist(chosen, schema=DROPPED_SCHEMA)


def _lowest_first(sample: _Sample) -> tuple[float, int]:
    return -sample[0], -sample[1]
