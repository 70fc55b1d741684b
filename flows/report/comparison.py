"""Two runs side by side: what was set differently, where their paths part, and which scores differ for certain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from markupsafe import Markup
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.records import RunRecord, StageOutcome, flatten
from flows.report.console import figure, metrics_in_order, open_console, outcome
from flows.report.contents import StageContents, of_kind, read_stages
from flows.report.page import environment, readable
from lightning_modules.metrics import METRICS, Outputs, compare
from lightning_modules.metrics.bootstrap import wins

_ABSENT = "(absent)"
_RESAMPLES, _SEED = 1000, 17
"""Of the paired bootstrap; fixed, so that the same two runs always compare alike."""


@dataclass(frozen=True)
class ScoreDelta:
    """One metric of one task in both runs, on the examples that both scored."""

    task: str
    metric: str
    better: str
    """'higher' or 'lower'."""
    before: float
    after: float
    low: float
    high: float
    """95 % interval of after - before, paired by example."""
    wins: bool | None
    """Whether the second run is better; None if the interval holds 0."""
    examples: int

    @property
    def difference(self) -> float:
        """After - before."""
        return self.after - self.before


@dataclass(frozen=True)
class Comparison:
    """The second run against the first."""

    first: str
    second: str
    """Ids of the runs."""
    settings: dict[str, tuple[Any, Any]]
    """Flat recipe key -> its two values, where they differ."""
    parting: str | None
    """The first stage that is not the same artifact in both, 'weights/foundation'; None if all are."""
    scores: list[ScoreDelta]


def compare_runs(first: RunRecord, second: RunRecord, store_root: Path) -> Comparison:
    """Compares two runs of one store."""
    before, after = flatten(first.settings), flatten(second.settings)
    differing = {
        key: (before.get(key, _ABSENT), after.get(key, _ABSENT))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, _ABSENT) != after.get(key, _ABSENT)
    }
    return Comparison(
        first.id, second.id, differing, _parting(first.stages, second.stages), _score_deltas(first, second, store_root)
    )


def comparison_table(comparison: Comparison) -> Group:
    """The comparison for the console."""
    settings = Table(title=f"{comparison.first} -> {comparison.second}", title_justify="left", box=None, pad_edge=False)
    for column in ("setting", "first", "second"):
        settings.add_column(column)
    for key, values in comparison.settings.items():
        settings.add_row(Text(key), *(Text(readable(value)) for value in values))
    scores = Table(box=None, pad_edge=False)
    for column in ("task", "metric", "first", "second", "difference, 95% interval", "second", "examples"):
        scores.add_column(column, justify="right" if column in {"first", "examples"} else "left")
    for delta in comparison.scores:
        scores.add_row(
            Text(delta.task),
            Text(f"{delta.metric} ({delta.better} is better)"),
            figure(delta.before),
            figure(delta.after),
            f"{figure(delta.difference, '+')} ({figure(delta.low, '+')} .. {figure(delta.high, '+')})",
            Text(outcome(delta.wins)),
            f"{delta.examples:,}",
        )
    parting = comparison.parting or "nowhere: every stage is the same artifact"
    return Group(settings, Text(f"\nthe runs part at  {parting}\n"), scores)


def print_comparison(comparison: Comparison) -> None:
    """Prints the comparison to standard output."""
    open_console().print(comparison_table(comparison))


def comparison_html(comparison: Comparison) -> str:
    """The comparison as a fragment of a page, with the classes of the report's style."""
    return Markup(environment().get_template("comparison.html").render(comparison=comparison))


def _parting(first: list[StageOutcome], second: list[StageOutcome]) -> str | None:
    known = {(stage.kind, stage.name): stage.fingerprint for stage in first}
    for stage in second:
        if known.get((stage.kind, stage.name)) != stage.fingerprint:
            return f"{stage.kind}/{stage.name}"
    there = {(stage.kind, stage.name) for stage in second}
    return next((f"{s.kind}/{s.name}" for s in first if (s.kind, s.name) not in there), None)


def _score_deltas(first: RunRecord, second: RunRecord, store_root: Path) -> list[ScoreDelta]:
    before = {stage.outcome.name: stage for stage in of_kind(read_stages(first, store_root), "scores")}
    stages = read_stages(second, store_root)
    tasks = {stage.outcome.name: stage.read("task.json") for stage in of_kind(stages, "examples")}
    return [
        delta
        for stage in of_kind(stages, "scores")
        if stage.outcome.name in before
        for delta in _deltas_of(before[stage.outcome.name], stage, tasks.get(stage.outcome.name, {}))
    ]


def _deltas_of(before: StageContents, after: StageContents, task: Mapping[str, Any]) -> list[ScoreDelta]:
    content = after.read("scores.json")
    theirs, ours = (_scored(stage.folder) for stage in (before, after))
    shared = sorted(theirs.keys() & ours.keys())
    if not shared:
        return []
    deltas = []
    for name in metrics_in_order(content):
        metric = METRICS[name](task.get("target_language", "en"), task.get("labels", ()))
        old, new = (metric.statistics(_outputs([rows[key] for key in shared])) for rows in (theirs, ours))
        difference = compare(metric, new, old, _RESAMPLES, _SEED)
        deltas.append(
            ScoreDelta(
                after.outcome.name,
                name,
                metric.better,
                before=float(metric.value(old.sum(0))),
                after=float(metric.value(new.sum(0))),
                low=difference.low,
                high=difference.high,
                wins=wins(metric, difference),
                examples=len(shared),
            )
        )
    return deltas


def _scored(folder: Path) -> dict[str, dict[str, Any]]:
    """Example id -> what the pretrained system gave for it."""
    rows = pq.read_table(folder / "examples.parquet", filters=[("system", "=", "pretrained")]).to_pylist()
    return {row["example_id"]: row for row in rows}


def _outputs(rows: list[dict[str, Any]]) -> Outputs:
    return Outputs(
        predictions=[row["prediction"] or "" for row in rows],
        references=[row["references"] for row in rows],
        nll_N=np.array([row["nll"] if row["nll"] is not None else np.nan for row in rows]),
        tokens_N=np.array([float(row.get("tokens") or 0) for row in rows]),
        bytes_N=np.array([float(row.get("bytes") or 0) for row in rows]),
        samples=[row["samples"] for row in rows] if rows and rows[0].get("samples") else (),
        details=[json.loads(row.get("details") or "{}") for row in rows],
        judged=[row["judged"] for row in rows] if rows and rows[0].get("judged") else (),
    )
