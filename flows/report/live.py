"""What the flows say while they work; the drawing itself is in `console.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.plan import Plan
from flows.records import RunRecord, StageOutcome
from flows.report.console import duration, interval_line, open_console, print_header, scores_table, stages_table
from flows.report.contents import read_scores

SECONDS_BETWEEN_LINES = 5.0
"""A stage that counts documents says so no more often than this."""

_console = open_console()


def header(plan: Plan, run: str) -> None:
    """What is known before the first stage: the arithmetic, the machine, where the record is."""
    derived, hardware = plan.derived(), plan.hardware
    stages = ", ".join(f"{name} {steps:,} steps" for name, steps in derived["steps"].items())
    print_header(
        _console,
        {
            "recipe": f"{plan.recipe.name}, seed {plan.recipe.seed}, run {run}",
            "network": f"{derived['parameters']:,} parameters, {plan.model.num_layers} layers, width "
            f"{plan.model.hidden_size}, vocabulary {plan.model.vocab_size:,}",
            "device": f"{hardware.accelerator} x {hardware.devices}, {hardware.threads} threads, {hardware.precision}",
            "batch": derived["batch"],
            "training": f"{stages}; {derived['pretraining_tokens']:,} tokens, {derived['pretraining_flops']:.2e} FLOPs",
            "record": f"{plan.store.root} and MLflow at {plan.tracking.tracking}",
        },
    )


def note(text: str) -> None:
    """One line on its own."""
    _say(text)


def stage_starts(label: str) -> None:
    """A stage that has to be built begins."""
    _say(f"{label:<28} ...")


def stage_ends(outcome: StageOutcome) -> None:
    """A stage is there."""
    how = "reused" if outcome.reused else f"built in {duration(outcome.seconds)}"
    _say(f"{outcome.kind + '/' + outcome.name:<28} {how} | {outcome.headline}")


def interval(stage: str, line: dict[str, Any]) -> None:
    """A line of a child's metrics."""
    _say(interval_line(stage, line))


def progress(label: str) -> Callable[[str, int, int], None]:
    """A callback for work that counts: (what, done, of how many; 0 when unknown)."""
    last = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            _say(f"{label:<28} {what} {done:,}{f'/{total:,}' if total else ''}")

    return tell


def closing(record: RunRecord, store_root: Path) -> None:
    """The tables a run ends with: the stages, then the scores, and where to look further."""
    _console.print(stages_table(record))
    _console.print(scores_table(read_scores(record, store_root)))
    page = store_root / "runs" / f"{record.id}.html"
    if page.exists():
        _say(f"report  {page}")
    _say("look    make ui  (MLflow and Prefect in the browser)")


def run_list(records: Sequence[RunRecord]) -> None:
    """The runs of a store, one a line."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True, min_width=max((len(record.id) for record in records), default=0))
    for column in ("recipe", "started", "took", "status", "stages", "changed"):
        table.add_column(column, overflow="fold")
    for record in records:
        built = sum(not stage.reused for stage in record.stages)
        table.add_row(
            Text(record.id),
            Text(record.recipe),
            f"{record.started.astimezone():%Y-%m-%d %H:%M}",
            duration((record.finished - record.started).total_seconds()),
            record.status,
            f"{built} built, {len(record.stages) - built} reused",
            Text(", ".join(f"{key}={value}" for key, value in record.overrides.items())),
        )
    _console.print(table)


def _say(text: str) -> None:
    _console.print(Text(text), soft_wrap=True)
