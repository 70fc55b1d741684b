"""What people's judgements came to, for the console and as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.judging.results import Consistency, Rater, Results
from flows.report.console import figure, open_console
from flows.report.page import environment
from lightning_modules.metrics import Interval

UNDEFINED = "not defined: one rater, or all answers alike"


def print_judged(results: Results) -> None:
    """Prints the results to standard output."""
    open_console().print(judged_tables(results))


def judged_tables(results: Results) -> Group:
    """The results for the console."""
    title = f"{results.sheet}: {results.items} items, {', '.join(results.runs)}"
    raters = _table(title, "rater", "answered", "left preferred", "same when asked twice")
    for name, rater in results.raters.items():
        raters.add_row(Text(name), f"{rater.answered}/{rater.total}", left_share(rater), consistency(rater.consistency))
    agreement = _table("Krippendorff's alpha", "question", "alpha, 95% interval")
    for name, found in results.agreement.items():
        agreement.add_row(name, estimate(found) if found else UNDEFINED)
    parts: list[Table | Text] = [raters, agreement]
    if results.pairs:
        pairs = _table(
            "Preferred, ties half", "first", "second", "share of the first, 95% interval", "first", "answers"
        )
        for pair in results.pairs:
            shown = (estimate(pair.share), verdict(pair.wins), str(pair.answers))
            pairs.add_row(Text(pair.first), Text(pair.second), *shown)
        strengths = _table("Bradley-Terry strength, nats", "system", "strength, 95% interval")
        for system, strength in by_strength(results.strengths).items():
            strengths.add_row(Text(system), estimate(strength, sign=True))
        parts += [pairs, strengths]
    for criterion, means in results.ratings.items():
        rated = _table(f"{criterion}, 1 to 5", "system", "mean, 95% interval")
        for system, mean in means.items():
            rated.add_row(Text(system), estimate(mean))
        parts.append(rated)
    if results.alike:
        parts.append(Text(f"{results.alike} pairs of equal texts were not asked and are not counted."))
    return Group(*parts)


def judged_html(results: Results) -> str:
    """The results as a self-contained page."""
    named = {"estimate": estimate, "left_share": left_share, "consistency": consistency, "verdict": verdict}
    content = {"results": results, "strengths": by_strength(results.strengths), "undefined_alpha": UNDEFINED}
    return environment().get_template("judged.html").render(**content, **named)


def estimate(found: Interval, sign: bool = False) -> str:
    """'0.620 (0.510 .. 0.725)'."""
    value, low, high = (figure(part, "+" if sign else "") for part in (found.value, found.low, found.high))
    return f"{value} ({low} .. {high})"


def verdict(wins: bool | None) -> str:
    """Whether the first of two is preferred."""
    return {True: "preferred", False: "NOT PREFERRED", None: "no difference shown"}[wins]


def left_share(rater: Rater) -> str:
    """'52%' of the pairs that were no tie; far from a half is a habit of the hand."""
    return "-" if rater.left_share is None else f"{rater.left_share:.0%}"


def consistency(counts: Mapping[str, Consistency]) -> str:
    """'preferred 4/5, fluency 3/5'."""
    return ", ".join(f"{name} {count.same}/{count.asked}" for name, count in counts.items()) or "-"


def by_strength(strengths: Mapping[str, Interval]) -> dict[str, Interval]:
    """The strongest first."""
    return dict(sorted(strengths.items(), key=lambda item: -item[1].value))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
