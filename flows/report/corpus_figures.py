"""The plots of a corpus: where documents went, how long they are, which languages they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from flows.report.figures import draw

Counts = Mapping[str, Mapping[str, Any]]
"""The corpus' `audit/counts.json`: source -> what became of its documents."""

# Okabe and Ito 2008, and greys.
_KEPT, _READ, _OTHER_RULES = "#009E73", "#D9D9D9", "#BBBBBB"
_COLOURS_OF_RULES = ("#D55E00", "#E69F00", "#CC79A7", "#8C6D1F", "#0072B2", "#F0E442")
_OUTCOMES = {"dedup": "duplicate", "known": "read before", "source": "unreadable"}
"""What stands in a reason in place of a rule -> what happened."""
_COLOURS = {"kept": _KEPT, "duplicate": "#56B4E9", "read before": "#A9D9F5", "unreadable": "#555555"}
_PANELS, _PANELS_IN_ROW, _BARS = 6, 3, 16
_NUMBER = FuncFormatter(lambda number, _: f"{number:,.0f}")


def corpus_figures(counts: Counts) -> dict[str, str]:
    """Name of each plot -> SVG; what the counts do not tell is not drawn."""
    drawn = {"documents": documents(counts), "lengths": lengths(counts), "languages": languages(counts)}
    return {name: svg for name, svg in drawn.items() if svg}


def documents(counts: Counts) -> str:
    """Where documents went: a bar a source, in shares of what was read; the counts are written beside."""
    lost = Counter[str]()
    for of_source in counts.values():
        lost.update(_by_rule(of_source))
    rules = [name for name, _ in lost.most_common() if name not in _OUTCOMES.values()]
    shown = [*rules[: len(_COLOURS_OF_RULES)], *(name for name in _OUTCOMES.values() if lost[name])]
    parts = ["kept", *shown, *(["other rules"] if set(lost) - set(shown) else [])]
    colours = _COLOURS | dict(zip(rules, _COLOURS_OF_RULES, strict=False))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        left = [0.0] * len(counts)
        for part in parts:
            sizes = [_size(of_source, part, shown) / max(1, of_source["read"]) for of_source in counts.values()]
            total = sum(_size(of_source, part, shown) for of_source in counts.values())
            axes.barh(
                list(counts), sizes, left=left, height=0.6, label=f"{part} {total:,}",
                color=colours.get(part, _OTHER_RULES), edgecolor="white", linewidth=0.5,
            )  # fmt: skip
            left = [start + size for start, size in zip(left, sizes, strict=True)]
        for row, of_source in enumerate(counts.values()):
            axes.text(1.01, row, f"{of_source['kept']:,} of {of_source['read']:,}", va="center", fontsize=8)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        axes.set_xlabel("documents read")
        figure.legend(loc="outside right upper")

    return draw("documents", 9.0, 1.0 + max(0.4 * len(counts), 0.22 * len(parts)), paint)


def _by_rule(of_source: Mapping[str, Any]) -> Counter[str]:
    """Documents dropped by each rule, or by what else happened to them."""
    lost = Counter[str]()
    for reason, number in of_source.get("dropped", {}).items():
        rule = reason.partition("/")[0]
        lost[_OUTCOMES.get(rule, rule)] += number
    return lost


def _size(of_source: Mapping[str, Any], part: str, shown: Sequence[str]) -> int:
    if part == "kept":
        return int(of_source["kept"])
    lost = _by_rule(of_source)
    return lost[part] if part in shown else sum(number for name, number in lost.items() if name not in shown)


def lengths(counts: Counts) -> str:
    """Documents by length before and after, a panel a source; the smallest sources share the last one."""
    told = {name: of_source for name, of_source in counts.items() if of_source.get("lengths_read")}
    if not told:
        return ""
    largest = sorted(told, key=lambda name: -told[name]["read"])
    own = largest if len(largest) <= _PANELS else largest[: _PANELS - 1]
    panels = {name: [told[name]] for name in told if name in own}
    if others := [told[name] for name in told if name not in own]:
        panels[f"{len(others)} others"] = others

    def paint(figure: Figure) -> None:
        columns = min(_PANELS_IN_ROW, len(panels))
        grid = figure.subplots(-(-len(panels) // columns), columns, squeeze=False, sharex=True).flat
        for axes, (name, of_sources) in zip(grid, panels.items(), strict=False):
            for field, colour, label in (("lengths_read", _READ, "read"), ("lengths_kept", _KEPT, "kept")):
                _histogram(axes, sum((Counter(one[field]) for one in of_sources), Counter[str]()), colour, label)
            axes.set_title(name, loc="left", fontsize=9)
        for axes in list(grid)[len(panels) :]:
            axes.set_visible(False)
        figure.supxlabel("characters", fontsize=9)
        figure.supylabel("documents", fontsize=9)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")

    return draw("lengths", 9.0, 0.7 + 1.7 * -(-len(panels) // _PANELS_IN_ROW), paint)


def _histogram(axes: Axes, found: Mapping[str, int], colour: str, label: str) -> None:
    starts = [int(start) for start in found]
    axes.bar(starts, list(found.values()), width=starts, align="edge", color=colour, edgecolor="white", label=label)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(_NUMBER)
    axes.yaxis.set_major_formatter(_NUMBER)


def languages(counts: Counts) -> str:
    """Kept documents by language; the numbers are written beside, since the bar of a rare one is not seen."""
    found = sum((Counter(of_source.get("languages", {})) for of_source in counts.values()), Counter[str]())
    if not found:
        return ""
    names, numbers = zip(*found.most_common(_BARS), strict=True)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.barh(names, numbers, height=0.6, color=_KEPT)
        for row, number in enumerate(numbers):
            label = f"{number:,} ({number / found.total():.1%})"
            axes.annotate(label, (number, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1.3 * max(numbers))
        axes.xaxis.set_major_formatter(_NUMBER)
        axes.set_xlabel("documents kept")

    return draw("languages", 6.0, 0.8 + 0.3 * len(names), paint)
