"""What a run prints: a header once, one line an interval, tables at the end. The same without a terminal, as in CI."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flows.records import RunRecord

_PLAIN_WIDTH = 120
SYSTEM_ORDER = ("pretrained", "scratch", "untrained")
"""First in every table of scores; baselines follow by name."""


def open_console() -> Console:
    """A console for standard output; 120 columns where that is a file or a pipe, so that lines do not break."""
    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False, soft_wrap=False)


def print_header(console: Console, facts: Mapping[str, str]) -> None:
    """Prints what is known before the first stage, a fact a line: recipe, batch arithmetic, where the record is."""
    width = max(len(name) for name in facts)
    for name, fact in facts.items():
        console.print(f"[bold]{escape(name):<{width}}[/bold]  {escape(fact)}", soft_wrap=True)


def interval_line(stage: str, line: Mapping[str, Any]) -> str:
    """One line of `metrics.jsonl` for people.

    Args:
        stage: 'pretraining/foundation'.
        line: step, steps, tokens, seconds and metrics.
    """
    step, steps, metrics = line["step"], line["steps"], line["metrics"]
    width = len(f"{steps:,}")
    parts = [f"{stage:<28} step {step:>{width},}/{steps:,} {step / steps:>6.1%}"]
    losses = _losses(metrics, "train/")
    if "train/loss" in metrics:
        shown = f" ({losses})" if "," in losses else ""
        parts.append(f"loss {metrics['train/loss']:.3f}{shown}")
    validation = _losses(metrics, "validation/")
    if validation:
        parts.append(f"validation {validation}")
    if "train/lr" in metrics:
        parts.append(f"lr {metrics['train/lr']:.1e}")
    if "throughput/tokens_per_second" in metrics:
        parts.append(f"{metrics['throughput/tokens_per_second']:,.0f} tok/s")
    if 0 < step < steps:
        parts.append(f"eta {duration(line['seconds'] / step * (steps - step))}")
    return " | ".join(parts)


def stages_table(record: RunRecord) -> Table:
    """The closing table: where each stage is recorded, its time, whether it was reused, its key figure."""
    table = Table(title=f"{record.recipe}: {record.status}", title_justify="left", box=None, pad_edge=False)
    table.add_column("artifact", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("MLflow", no_wrap=True)
    table.add_column("key figure", overflow="fold")
    for stage in record.stages:
        table.add_row(
            Text(str(stage.folder)),
            duration(stage.seconds),
            Text("reused", style="dim") if stage.reused else Text("built"),
            Text((stage.tracking_run or "-")[:8]),
            Text(stage.headline),
        )
    return table


def scores_table(scores: Sequence[Mapping[str, Any]]) -> Group:
    """All scores, the language model's first: pretrained, from scratch and baselines, each with its interval.

    Args:
        scores: contents of `scores.json`, one a task.
    """
    width = max((len(row["system"]) for task in scores for row in task["scores"]), default=0)
    return Group(
        *(_metric_table(task, metric, width) for task in tasks_in_order(scores) for metric in metrics_in_order(task))
    )


def _metric_table(task: Mapping[str, Any], metric: str, system_width: int) -> Table:
    rows = systems_in_order(task, metric)
    title = Text(f"{task['task']}: {metric} ({rows[0]['better']} is better, {rows[0]['n']:,} examples)")
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("system", min_width=system_width)
    table.add_column("value", justify="right", min_width=7)
    table.add_column("95% interval", justify="right", min_width=16)
    subject = task["headline"]["system"]
    table.add_column(f"{subject} against it")
    for row in rows:
        table.add_row(
            Text(row["system"], style="bold" if row["system"] == subject else ""),
            figure(row["value"]),
            f"{figure(row['low'])} .. {figure(row['high'])}",
            _verdict(difference_against(task, metric, row["system"])),
        )
    return table


def tasks_in_order(scores: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is judged by bits per byte first, the language model, then the other tasks by name."""
    return sorted(scores, key=lambda task: (task["headline"]["metric"] != "bits_per_byte", task["task"]))


def metrics_in_order(task: Mapping[str, Any]) -> list[str]:
    """The metrics of a `scores.json`: the headline's, then the others as written.

    Those without the examples seen in training are left out where none was seen, for they are the same.
    """
    shown = (row for row in task["scores"] if task.get("overlap") or not row.get("clean"))
    named = list(dict.fromkeys(row["metric"] for row in shown))
    return sorted(named, key=lambda metric: metric != task["headline"]["metric"])


def systems_in_order(task: Mapping[str, Any], metric: str) -> list[Mapping[str, Any]]:
    """The scores of one metric: pretrained, scratch, then the baselines by name."""
    rows = [row for row in task["scores"] if row["metric"] == metric]
    rank = {name: index for index, name in enumerate(SYSTEM_ORDER)}
    return sorted(rows, key=lambda row: (rank.get(row["system"], len(rank)), row["system"]))


def difference_against(task: Mapping[str, Any], metric: str, versus: str) -> Mapping[str, Any] | None:
    """The paired difference from `versus` of the system under test, if it was made."""
    subject = task["headline"]["system"]
    for row in task.get("differences", ()):
        if (row["metric"], row["system"], row["versus"]) == (metric, subject, versus):
            return dict(row)
    return None


def outcome(wins: bool | None) -> str:
    """How a paired difference ended."""
    return {True: "wins", False: "LOSES", None: "no difference shown"}[wins]


def figure(value: float, sign: Literal["", "+"] = "") -> str:
    """A score: '1.960', '71.04'; with sign '+' a difference: '+0.012'."""
    return f"{value:{sign}.{2 if abs(value) >= 10 else 3}f}"


def duration(seconds: float) -> str:
    """'0.4s', '27m51s', '3h05m'."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def _losses(metrics: Mapping[str, float], prefix: str) -> str:
    """'causal_lm 5.401, masked_lm 6.223' from 'train/causal_lm/loss', ...; terms within an objective are left out."""
    found = {
        name.removeprefix(prefix).removesuffix("/loss"): value
        for name, value in metrics.items()
        if name.startswith(prefix) and name.endswith("/loss") and name.count("/") == 2
    }
    return ", ".join(f"{use} {value:.3f}" for use, value in found.items())


def _verdict(difference: Mapping[str, Any] | None) -> Text:
    if difference is None:
        return Text("")
    style = {True: "green", False: "bold red", None: "yellow"}[difference["wins"]]
    value, low, high = (figure(difference[part], "+") for part in ("difference", "low", "high"))
    return Text(f"{outcome(difference['wins'])} {value} ({low} .. {high})", style=style)
