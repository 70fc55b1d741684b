"""A scored set as it lies in the store, from which every metric is computed again for the examples that two runs share.

The record of a metric is its name and signature, not the object; what it was made with (a language, labels) stands
beside it or is tried, and counts as found when the value on record comes out again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from flows.report.console import metrics_in_order
from lightning_modules.metrics import METRICS, Metric, Outputs
from lightning_modules.metrics.base import Floats

_CLEAN = "_clean"
"""Ends the name of a metric of those examples alone that were not seen in training."""
_SAME_VALUE = 1e-6
"""Relative; another version of a library may add up in another order."""

Indices = NDArray[np.int64]


class MeanOfScores(Metric):
    """A metric that is not known here, where it is the mean of what it gave to each example."""

    name: ClassVar[str] = "mean_of_scores"

    @property
    def signature(self) -> str:
        """That of the metric it stands for is on record."""
        return self.name

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the example's score, which stands in `nll_N`, and 1."""
        return np.stack([outputs.nll_N, np.ones(len(outputs.nll_N))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns the mean."""
        return sums[..., 0] / sums[..., 1]


@dataclasses.dataclass(frozen=True)
class ScoredSet:
    """What the network under test gave for one test set."""

    name: str
    """Of the stage: 'sentiment', 'language-model'."""
    fingerprint: str
    content: Mapping[str, Any]
    """`scores.json`."""
    task: Mapping[str, Any]
    """`task.json` of the labelled examples; empty where there are none."""
    folder: Path

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, the headline first."""
        return metrics_in_order(self.content)

    @property
    def system(self) -> str:
        """The network under test."""
        return str(self.content["headline"].get("system", "pretrained"))

    def row(self, name: str) -> Mapping[str, Any] | None:
        """The entry of `scores.json` of one metric; None where the network under test has none."""
        rows = (row for row in self.content["scores"] if row["metric"] == name and row["system"] == self.system)
        return next(rows, None)

    @cached_property
    def _table(self) -> pa.Table:
        return pq.read_table(self.folder / "examples.parquet", filters=[("system", "=", self.system)])

    @cached_property
    def ids(self) -> list[str]:
        """Of the examples, in the order of the table."""
        found: list[str] = self._table["example_id"].to_pylist()
        return found

    @cached_property
    def groups(self) -> list[str]:
        """Of the examples."""
        return self.texts("group")

    def texts(self, name: str) -> list[Any]:
        """A column as Python values; of nothing where there is no such column."""
        return self._table[name].to_pylist() if name in self._table.column_names else [None] * len(self.ids)

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where there is none."""
        if name not in self._table.column_names:
            return np.full(len(self.ids), np.nan)
        return np.asarray(self._table[name].cast(pa.float64()).fill_null(np.nan), dtype=np.float64)

    @cached_property
    def outputs(self) -> Outputs:
        """What a metric reads: every field of `Outputs` that has a column here."""
        counts = {f.name: self.numbers(f.name[:-2]) for f in dataclasses.fields(Outputs) if f.name.endswith("_N")}
        return Outputs(
            predictions=[answer or "" for answer in self.texts("prediction")],
            references=[right or [] for right in self.texts("references")],
            **counts,
        )

    def clean(self, name: str) -> Indices:
        """The examples that a metric is about: all of them, or for 'accuracy_clean' those not seen in training."""
        row = self.row(name)
        everything = np.arange(len(self.ids))
        if row is None or not row.get("clean"):
            return everything
        # What was seen is what overlaps most; the record says how many were not.
        overlap = self.numbers("overlap")
        unseen: Indices = everything[overlap <= np.sort(overlap)[row["n"] - 1]]
        return unseen

    def outputs_of(self, metric: Metric, chosen: Indices) -> Outputs:
        """What the metric reads of some examples."""
        if isinstance(metric, MeanOfScores):
            return Outputs(nll_N=self.numbers("score")[chosen])
        return taken(self.outputs, chosen)

    def gives(self, metric: Metric, name: str) -> bool:
        """Whether the metric gives the value on record under this name."""
        row = self.row(name)
        if row is None:
            return False
        value = float(metric.value(metric.statistics(self.outputs_of(metric, self.clean(name))).sum(0)))
        return math.isclose(value, row["value"], rel_tol=_SAME_VALUE, abs_tol=_SAME_VALUE)

    def candidates(self, name: str) -> Iterator[Metric]:
        """Metrics that may be the one on record, the likeliest first."""
        base = name.removesuffix(_CLEAN)
        if base in METRICS:
            labels = self.task.get("labels") or self.content.get("labels") or self._labels()
            known = self.task.get("target_language") or self.content.get("language")
            for language in dict.fromkeys([known, "en", "zh"] if known else ["en", "zh"]):
                yield METRICS[base](language, labels)
        elif base == self.content["headline"]["metric"]:
            yield MeanOfScores("")

    def _labels(self) -> Sequence[str]:
        """Every class that is right or was answered."""
        return sorted({*self.outputs.predictions, *(right for rights in self.outputs.references for right in rights)})


def taken(outputs: Outputs, chosen: Indices) -> Outputs:
    """These examples alone, in this order."""
    columns = {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    parts: dict[str, Any] = {
        name: column[chosen] if isinstance(column, np.ndarray) else [column[index] for index in chosen]
        for name, column in columns.items()
    }
    return Outputs(**parts)


def shared_examples(before: ScoredSet, after: ScoredSet, name: str) -> tuple[Indices, Indices]:
    """Where the examples stand that both sets hold and a metric is about, in the order of their ids.

    An example whose right answers were changed in between is another example.
    """
    theirs, ours = ({scored.ids[index]: int(index) for index in scored.clean(name)} for scored in (before, after))
    old, new = before.outputs.references, after.outputs.references
    pairs = [
        (theirs[key], ours[key]) for key in sorted(theirs.keys() & ours.keys()) if old[theirs[key]] == new[ours[key]]
    ]
    first, second = (np.array(places, dtype=np.int64) for places in (zip(*pairs, strict=True) if pairs else ((), ())))
    return first, second
