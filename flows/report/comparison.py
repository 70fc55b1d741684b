"""A comparison of runs for people: on the console, as a table, and as a page that needs nothing outside itself."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from itertools import groupby
from typing import Any

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.comparing.flips import Flips
from flows.comparing.runs import Comparison
from flows.comparing.scores import LEVEL, ScoreDelta
from flows.report.console import figure, open_console, outcome
from flows.report.page import environment, readable

_LONGEST_NAME = 200
"""Characters of a page's file name; file systems take 255 bytes."""
_STYLES = {True: "green", False: "bold red", None: ""}


def page_name(comparison: Comparison) -> str:
    """'compare-A-B.html', shortened where there are many runs."""
    name = "-".join(["compare", *(run.id for run in comparison.runs)])
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}.html"


def comparison_html(comparison: Comparison) -> str:
    """The page; its one script, which filters examples, is allowed by its digest and no other can run."""
    script = (files("flows.report") / "templates" / "comparison.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment().get_template("comparison.html")
    return template.render(
        comparison=comparison,
        pieces=[_flip_rows(flips) for flips in comparison.flips],
        level=LEVEL,
        corrected=corrected,
        reseeding=reseeding,
        p_value=p_value,
        differences=differences_by_score(comparison),
        short_difference=short_difference,
        script=Markup(script),
        script_digest=digest,
    )


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row a score, as MLflow shows it in a table."""
    return [
        {
            "task": delta.task,
            "metric": delta.metric,
            "better": delta.better,
            "first": comparison.runs[0].id,
            "run": delta.run,
            "before": delta.before,
            "after": delta.after,
            "difference": delta.difference,
            "low": delta.paired.difference.low if delta.paired else None,
            "high": delta.paired.difference.high if delta.paired else None,
            "test": delta.paired.test if delta.paired else None,
            "p": delta.paired.p if delta.paired else None,
            "p_holm": delta.p,
            "outcome": outcome(delta.wins) if delta.paired else delta.note,
            "examples": delta.examples,
            "seed_deviation": delta.spread.deviation if delta.spread else None,
            "seed_margin": delta.spread.margin if delta.spread else None,
            "seeds": delta.spread.seeds if delta.spread else None,
        }
        for delta in comparison.scores
    ]


def print_comparison(comparison: Comparison) -> None:
    """Prints the comparison to standard output."""
    open_console().print(comparison_table(comparison))


def comparison_table(comparison: Comparison) -> Group:
    """The comparison for the console."""
    parts: list[RenderableType] = [_settings_table(comparison), Text()]
    for place, run in enumerate(comparison.runs[1:], start=1):
        parting = comparison.parting(place) or "nowhere: every stage is the same artifact"
        whose = f"{run.id} parts from the first" if len(comparison.runs) > 2 else "the runs part"
        parts.append(Text(f"{whose} at  {parting}"))
    for table in _score_tables(comparison) if len(comparison.runs) == 2 else [_differences_table(comparison)]:
        parts += [Text(), table]
    parts.append(Text())
    parts += [Text(_flips_line(flips, len(comparison.runs) > 2)) for flips in comparison.flips]
    parts += [Text(line) for line in seed_lines(comparison)]
    return Group(*parts)


def seed_lines(comparison: Comparison) -> list[str]:
    """What is known of other seeds of each recipe, and how to know more."""
    lines = []
    for seeds in comparison.seeds:
        if seeds.missing:
            count = len(seeds.runs)
            lines.append(f"{seeds.runs[0].id}: {count} seed{'s' * (count > 1)} in the store; for a margin of reseeding")
            lines += [f"  {command}" for command in seeds.missing.splitlines()]
    return list(dict.fromkeys(lines))


def reseeding(delta: ScoreDelta) -> str:
    """'1.3 s.d. of 3, within': the size of a difference by that between 3 seeds, and whether seeds alone explain it."""
    if delta.spread is None or delta.difference is None:
        return "unknown" if delta.paired else ""
    where = "beyond" if delta.beyond_reseeding else "within"
    return f"{delta.spread.deviations(delta.difference):.1f} s.d. of {delta.spread.seeds}, {where}"


def corrected(delta: ScoreDelta) -> str:
    """How a score ended: won or lost after the correction, or why nothing was tested."""
    return outcome(delta.wins) if delta.paired else delta.note


def p_value(p: float | None) -> str:
    """'0.041', '<0.001'."""
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _settings_table(comparison: Comparison) -> Table:
    ids = [run.id for run in comparison.runs]
    table = Table(title=" -> ".join(ids), title_justify="left", box=None, pad_edge=False)
    columns = ["first", "second"] if len(ids) == 2 else ids
    for column in ("setting", *columns):
        table.add_column(column, overflow="fold")
    for key, values in comparison.settings.items():
        table.add_row(Text(key), *(Text(readable(value)) for value in values))
    return table


def _score_tables(comparison: Comparison) -> list[Table]:
    """One table a scored set, of two runs."""
    tables = []
    for task, deltas in groupby(comparison.scores, key=lambda delta: delta.task):
        table = Table(title=Text(task), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in ("metric (better)", "first", "second", "difference, 95% interval", "p, Holm", "outcome"):
            table.add_column(column, justify="right" if column == "first" else "left", overflow="fold")
        table.add_column("against seeds", overflow="fold")
        table.add_column("examples", justify="right")
        for delta in deltas:
            table.add_row(
                Text(f"{delta.metric} ({delta.better})" if delta.better else delta.metric),
                _value(delta.before),
                _value(delta.after),
                Text(_interval(delta)),
                p_value(delta.p),
                Text(corrected(delta), style=_STYLES[delta.wins]),
                Text(reseeding(delta)),
                f"{delta.examples:,}" if delta.paired else "",
            )
        tables.append(table)
    return tables


def _differences_table(comparison: Comparison) -> Table:
    """A column a run, in each cell its difference from the first run and how that ended; the page has the intervals."""
    table = Table(box=None, pad_edge=False)
    for column in ("score (better)", "first", *(run.id for run in comparison.runs[1:])):
        table.add_column(column, justify="right" if column == "first" else "left", overflow="fold")
    for (place, better), deltas in differences_by_score(comparison).items():
        first = next((delta.on_record for delta in deltas.values() if delta.on_record is not None), None)
        cells = [deltas.get(run.id) for run in comparison.runs[1:]]
        table.add_row(
            Text(f"{place} ({better})" if better else place),
            _value(first),
            *(
                Text("" if cell is None else short_difference(cell), style=_STYLES[cell.wins] if cell else "")
                for cell in cells
            ),
        )
    return table


def differences_by_score(comparison: Comparison) -> dict[tuple[str, str], dict[str, ScoreDelta]]:
    """Score and what is better of it -> run -> its difference from the first."""
    table: dict[tuple[str, str], dict[str, ScoreDelta]] = {}
    for delta in comparison.scores:
        table.setdefault((delta.place, delta.better), {})[delta.run] = delta
    return table


def short_difference(delta: ScoreDelta) -> str:
    """'-2.301 LOSES', '+0.012', 'same artifact', 'not tested'."""
    if delta.identical:
        return "same artifact"
    if delta.paired is None or delta.difference is None:
        return "not tested"
    return figure(delta.difference, "+") + ("" if delta.wins is None else f" {outcome(delta.wins)}")


def _value(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _interval(delta: ScoreDelta) -> str:
    if delta.difference is None:
        return ""
    if delta.paired is None:
        return figure(delta.difference, "+")
    low, high = delta.paired.difference.low, delta.paired.difference.high
    return f"{figure(delta.difference, '+')} ({figure(low, '+')} .. {figure(high, '+')})"


def _flips_line(flips: Flips, several: bool) -> str:
    worse, better, same = flips.totals
    names = flips.headings
    where = f"{flips.run}: {flips.task}" if several else flips.task
    return f"{where}: {worse:,} examples {names[0]}, {better:,} {names[1]}, {same:,} as before, by {flips.metric}"


def _flip_rows(flips: Flips) -> list[tuple[str, str, int, list[Any]]]:
    """Heading, direction, how many there are, and the rows shown, of both directions."""
    totals = flips.totals
    return [
        (flips.headings[0], "worse", totals[0], list(flips.worse)),
        (flips.headings[1], "better", totals[1], list(flips.better)),
    ]
