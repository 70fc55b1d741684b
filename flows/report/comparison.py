"""Two runs side by side: what was set differently, where their paths part, and which scores differ for certain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.records import RunRecord, StageOutcome, flatten
from flows.report.console import figure, open_console, outcome
from flows.report.page import environment, readable
from flows.report.paired_scores import ScoreDelta, score_deltas

_ABSENT = "(absent)"


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
    refused: list[str]
    """Scores that both runs have and that cannot be compared, each with the reason."""


def compare_runs(first: RunRecord, second: RunRecord, store_root: Path) -> Comparison:
    """Compares two runs of one store."""
    before, after = flatten(first.settings), flatten(second.settings)
    differing = {
        key: (before.get(key, _ABSENT), after.get(key, _ABSENT))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, _ABSENT) != after.get(key, _ABSENT)
    }
    scores, refused = score_deltas(first, second, store_root)
    return Comparison(first.id, second.id, differing, _parting(first.stages, second.stages), scores, refused)


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
    refused = [Text(f"\nnot compared: {reason}") for reason in comparison.refused]
    return Group(settings, Text(f"\nthe runs part at  {parting}\n"), scores, *refused)


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
