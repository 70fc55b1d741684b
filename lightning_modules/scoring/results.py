"""From what each system gave to the `scores` artifact: examples.parquet, and scores.json with its intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.packing import Ints
from lightning_modules.metrics import Interval, Metric, Outputs, compare, interval, wins
from lightning_modules.metrics.base import Floats
from lightning_modules.metrics.signatures import counting_references

SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("system", pa.string()),
        ("group", pa.string()),
        ("nll", pa.float64()),  # nats of the document or the right answer
        ("tokens", pa.float64()),  # that nll runs over
        ("bytes", pa.float64()),  # UTF-8, of the same text
        ("words", pa.float64()),  # of the same text, where it is a document
        ("confidence", pa.float64()),  # probability of the prediction, where it is a class
        ("prediction", pa.string()),
        ("references", pa.list_(pa.string())),
        ("score", pa.float64()),  # of this example, by the headline metric
        ("samples", pa.list_(pa.string())),  # all answers drawn, where more than one was
        ("details", pa.string()),  # JSON of the example's own, where its kind of task is measured by them
        ("judged", pa.string()),  # what a classifier calls the prediction
        ("overlap", pa.float64()),  # share of its input that is in the training text; null where it was not looked for
    ]
)
_CLEAN = "_clean"
"""Ends the name of a metric of the examples alone that were not seen in training."""


@dataclass(frozen=True)
class TestSet:
    """What all systems were asked, in one order."""

    ids: Sequence[str]
    groups: Sequence[str]
    overlap_N: Floats | None = None
    """Share of each input that is in the training text; None where it was not looked for."""
    seen_from: float = 1.0
    """Overlap from which an example counts as seen in training."""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What the headline is also given by, such as 'language' -> that of each example."""

    @property
    def seen_N(self) -> NDArray[np.bool_] | None:
        """Which examples were seen in training, as far as is known."""
        return None if self.overlap_N is None else self.overlap_N >= self.seen_from


@dataclass(frozen=True)
class Comparison:
    """All systems on one test set."""

    test: TestSet
    metrics: Sequence[Metric]
    """The headline first."""
    trained: dict[str, Outputs]
    """Networks, the one under test first."""
    baselines: dict[str, Outputs]
    resamples: int
    seed: int
    reading: str = ""
    """How the networks read long texts, 'stride:64': a part of the signature of what they find likely."""

    @property
    def outputs(self) -> dict[str, Outputs]:
        """Of every system, in the order of the tables."""
        return self.trained | self.baselines

    @cached_property
    def statistics(self) -> dict[str, dict[str, Floats]]:
        """Metric -> system -> statistics (N, K), of the systems that the metric can be computed of."""
        return {metric.name: self._statistics(metric, self.outputs) for metric in self.metrics}

    def signature(self, metric: Metric) -> str:
        """Returns what a score of this metric on this test set depends on beside the system."""
        references = next(iter(self.trained.values())).references
        signature = counting_references(metric.signature, references)
        reading = self.reading if metric.reads in {"likelihood", "words"} else ""
        return f"{signature}|{reading}" if reading else signature

    def scores(self) -> dict[str, Any]:
        """Returns every metric of every system, and what the network under test gains over the others.

        Where it is known which examples were seen in training: their share, and each metric once more without them.
        Where the examples are of several parts: the headline of each part.
        """
        scores, differences = [], []
        seen_N = self.test.seen_N
        for metric in self.metrics:
            statistics = self.statistics[metric.name]
            values = {}
            for system, own in statistics.items():
                result = self._interval(metric, own)
                values[system] = result.value
                scores.append(self._score(metric, metric.name, system, result, len(own)))
            subject, *others = [system for system in statistics if system in self.trained]
            for versus in [*others, *self._best_baseline(metric, values)]:
                gain = compare(metric, statistics[subject], statistics[versus], self.resamples, self.seed)
                differences.append({"metric": metric.name, "system": subject, "versus": versus, **_numbers(gain)})
                differences[-1]["difference"] = differences[-1].pop("value")
                differences[-1]["wins"] = wins(metric, gain)
            if seen_N is not None and not seen_N.all():
                scores += self._clean(metric, np.flatnonzero(~seen_N))
        overlap = {} if seen_N is None else {"overlap": float(seen_N.mean())}
        return {"scores": scores, "differences": differences, "headline": scores[0], "parts": self._parts(), **overlap}

    def _parts(self) -> list[dict[str, Any]]:
        """The headline of each part of the examples; none of what has one part only."""
        metric, found = self.metrics[0], []
        for by, named in self.test.parts.items():
            part_N = np.array(named)
            names = sorted(set(named))
            for part in names if len(names) > 1 else ():
                for system, own in self._of(metric, np.flatnonzero(part_N == part)).items():
                    row = self._score(metric, metric.name, system, self._interval(metric, own), len(own))
                    found.append({"by": by, "part": part, **row})
        return found

    def _clean(self, metric: Metric, unseen_N: Ints) -> list[dict[str, Any]]:
        return [
            self._score(metric, metric.name + _CLEAN, system, self._interval(metric, own), len(own)) | {"clean": True}
            for system, own in self._of(metric, unseen_N).items()
        ]

    def _of(self, metric: Metric, chosen_N: Ints) -> dict[str, Floats]:
        """Returns the statistics of some examples alone."""
        if metric.pooled:
            alone = {system: outputs.take(chosen_N) for system, outputs in self.outputs.items()}
            return self._statistics(metric, alone)
        return {system: own[chosen_N] for system, own in self.statistics[metric.name].items()}

    def _statistics(self, metric: Metric, outputs: dict[str, Outputs]) -> dict[str, Floats]:
        return {system: metric.statistics(own) for system, own in outputs.items() if own.give(metric.reads)}

    def _interval(self, metric: Metric, statistics_NK: Floats) -> Interval:
        return interval(metric, statistics_NK, self.resamples, self.seed)

    def _score(self, metric: Metric, name: str, system: str, result: Interval, examples: int) -> dict[str, Any]:
        identity = {"metric": name, "system": system, "signature": self.signature(metric), "better": metric.better}
        return {**identity, **_numbers(result), "n": examples}

    def table(self) -> pa.Table:
        """Returns one row for each system and example."""
        headline = self.metrics[0]
        statistics = self.statistics[headline.name]
        rows = []
        for system, outputs in self.outputs.items():
            own = headline.value(statistics[system])
            counts = (outputs.nll_N, outputs.tokens_N, outputs.bytes_N, outputs.words_N, outputs.confidence_N)
            numbers = (*counts, outputs.predictions, outputs.references)
            details = [json.dumps(dict(own), sort_keys=True, ensure_ascii=False) for own in outputs.details]
            texts = (outputs.samples, details, outputs.judged)
            for index, (example_id, group) in enumerate(zip(self.test.ids, self.test.groups, strict=True)):
                cells, extra = (
                    [column[index] if len(column) else None for column in kind] for kind in (numbers, texts)
                )
                overlap = None if self.test.overlap_N is None else self.test.overlap_N[index]
                row = [example_id, system, group, *cells, own[index], *extra, overlap]
                rows.append(dict(zip(SCHEMA.names, row, strict=True)))
        return pa.Table.from_pylist(rows, SCHEMA)

    def _best_baseline(self, metric: Metric, values: dict[str, float]) -> list[str]:
        rivals = [system for system in values if system in self.baselines]
        best = max if metric.better == "higher" else min
        return [best(rivals, key=lambda system: values[system])] if rivals else []


def write_scores(
    comparison: Comparison,
    task: str,
    samples: Sequence[dict[str, Any]],
    output: Path,
    beside: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes the artifact's two files; returns the content of scores.json, to which `beside` is added."""
    content = {"task": task, **comparison.scores(), "samples": list(samples), **(beside or {})}
    pq.write_table(comparison.table(), output / "examples.parquet", compression="zstd", compression_level=1)
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    (output / "scores.json").write_text(text + "\n", encoding="utf-8")
    return content


def read_outputs(folder: Path, system: str) -> tuple[list[str], Outputs]:
    """Reads what one system gave from a `scores` artifact; returns the examples' ids and, in their order, the rest."""
    table = pq.read_table(folder / "examples.parquet", filters=[("system", "=", system)])

    def cells(name: str) -> list[Any]:
        if name not in table.schema.names:  # older formats had fewer columns
            return []
        column = table.column(name)
        return [] if column.null_count == len(column) else column.to_pylist()

    def numbers(name: str) -> Floats:
        return np.array(cells(name), dtype=np.float64)

    return table.column("example_id").to_pylist(), Outputs(
        predictions=cells("prediction"),
        references=cells("references"),
        nll_N=numbers("nll"),
        tokens_N=numbers("tokens"),
        bytes_N=numbers("bytes"),
        words_N=numbers("words"),
        confidence_N=numbers("confidence"),
        groups=cells("group"),
        samples=cells("samples"),
        details=[json.loads(own) for own in cells("details")],
        judged=cells("judged"),
    )


def utf8_bytes(texts: Sequence[str]) -> Floats:
    """Returns the UTF-8 length of each text."""
    return np.array([len(text.encode()) for text in texts], dtype=np.float64)


def _numbers(result: Interval) -> dict[str, float]:
    return {"value": result.value, "low": result.low, "high": result.high}
