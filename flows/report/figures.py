"""The plots of a report as SVG texts: equal for equal data, without a request to anywhere.

Text stays text, so that the reader's browser draws Chinese with its own fonts, and nothing in a name is taken as markup
or as mathematics.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.report.console import metrics_in_order, systems_in_order
from flows.report.contents import StageContents

# Okabe and Ito 2008: told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#000000")
_LINE, _GRID = "#444444", "#e3e3e3"
_BASE_RATES: dict[str, tuple[str, Callable[[float], float]]] = {
    "/loss": ("base_rate_loss", lambda loss: loss),
    "/accuracy": ("replaced_share", lambda share: 1.0 - share),
}
"""Ending of a metric -> the metric, and what to make of it, that a model without any skill would reach."""
STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "legend.frameon": False,
}


def draw(name: str, width: float, height: float, paint: Callable[[Figure], None]) -> str:
    """An SVG element, `width` x `height` inches, named for its ids to differ from those of others on the page."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        # Matplotlib has no Chinese glyphs to measure; the browser has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = drawing.getvalue()
    return text[text.index("<svg") :]


def losses(stages: Sequence[StageContents]) -> str:
    """Loss of every objective of every pretraining stage on one axis of tokens; dots are validation.

    Dashed: the loss of a replaced-token model that knows nothing but the share of replaced tokens.
    """
    return draw("losses", 9.0, 3.8, lambda figure: _curves(figure.subplots(), stages, "/loss", "loss, nats per target"))


def accuracies(stages: Sequence[StageContents]) -> str:
    """Accuracy of every objective on the axis of `losses`; squares are the area under the ROC curve.

    Dashed: what always answering 'original' scores in replaced-token detection.
    """
    return draw("accuracies", 9.0, 3.0, lambda figure: _curves(figure.subplots(), stages, "/accuracy", "accuracy, AUC"))


def weights(stages: Sequence[StageContents]) -> str:
    """Weight of every objective in force on the axis of `losses`."""
    return draw("weights", 9.0, 2.4, lambda figure: _curves(figure.subplots(), stages, "/weight", "weight"))


def _curves(axes: Axes, stages: Sequence[StageContents], ending: str, label: str) -> None:
    # A use that no logged step has trained yet has a weight and no loss.
    ends = ("/loss", "/weight")
    uses = list(dict.fromkeys(use for stage in stages for end in ends for use in stage.metrics_like("train/", end)))
    colours = {use: COLOURS[index % len(COLOURS)] for index, use in enumerate(uses)}
    named: set[str] = set()
    for stage in stages:
        for use, metric in stage.metrics_like("train/", ending).items():
            tokens, values = stage.curve(metric)
            name = None if use in named else use
            named.add(use)
            axes.plot([t / 1e6 for t in tokens], values, color=colours[use], lw=1.4, label=name)
            tokens, values = stage.curve(f"validation/{use}{ending}")
            axes.plot([t / 1e6 for t in tokens], values, "o", ms=4, color=colours[use], mfc="white")
            if ending == "/accuracy":
                tokens, values = stage.curve(f"validation/{use}/auc")
                axes.plot([t / 1e6 for t in tokens], values, "s", ms=4, color=colours[use], mfc="white")
            if ending in _BASE_RATES:
                base, level = _BASE_RATES[ending]
                tokens, values = stage.curve(f"train/{use}/{base}")
                axes.plot([t / 1e6 for t in tokens], list(map(level, values)), "--", color=colours[use], lw=0.9)
    for stage in stages:
        lines = stage.lines
        if lines:
            axes.axvline(lines[-1]["tokens"] / 1e6, color=_LINE, lw=0.8, ls=":")
            where = (lines[0]["tokens"] + lines[-1]["tokens"]) / 2e6
            place = axes.get_xaxis_transform()
            axes.text(where, 1.01, stage.outcome.name, ha="center", va="bottom", transform=place, color=_LINE)
    axes.set_xlim(left=0)
    axes.set_xlabel("million tokens (positions through the trunk, all stages)")
    axes.set_ylabel(label)
    axes.legend()


def finetuning(task: str, systems: Mapping[str, StageContents]) -> str:
    """Training and validation loss of a task by step: the pretrained start and the one from scratch.

    Args:
        task: its name in the recipe.
        systems: 'pretrained', 'scratch' -> stage.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for index, (system, stage) in enumerate(systems.items()):
            for metric in ("train/loss", *stage.metrics_like("validation/", "/loss").values()):
                points = [(line["step"], line["metrics"][metric]) for line in stage.lines if metric in line["metrics"]]
                train = metric == "train/loss"
                axes.plot(
                    [step for step, _ in points],
                    [value for _, value in points],
                    "-" if train else "o",
                    color=COLOURS[index],
                    lw=1.4,
                    ms=4,
                    mfc="white",
                    label=system if train else f"{system}, validation",
                )
        axes.set_title(task, loc="left", fontsize=9)
        axes.set_xlabel("step")
        axes.set_ylabel("loss, nats")
        axes.legend()

    return draw(f"finetuning-{task}", 4.4, 2.8, paint)


def curve(task: str, content: Mapping[str, Any]) -> str:
    """A figure over an axis, a line a system, with its band of 95 %.

    Args:
        task: name of the exam.
        content: an entry of `curves` in its `scores.json`.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for index, (system, points) in enumerate(content["lines"].items()):
            x, values, low, high = zip(*points, strict=True)
            axes.plot(x, values, "o-", ms=3, lw=1.4, color=COLOURS[index % len(COLOURS)], label=system)
            axes.fill_between(x, low, high, color=COLOURS[index % len(COLOURS)], alpha=0.15, lw=0)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(content["x"])
        axes.set_ylabel(content["y"])
        axes.legend()

    return draw(f"curve-{task}-{content['title']}", 6.4, 3.0, paint)


def scores(task: Mapping[str, Any]) -> str:
    """Dot and 95 % interval of every system, a panel a metric.

    Args:
        task: content of a `scores.json`.
    """
    metrics = metrics_in_order(task)
    rows = max(len(systems_in_order(task, metric)) for metric in metrics)

    def paint(figure: Figure) -> None:
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            for position, row in enumerate(systems_in_order(task, metric)):
                colour = COLOURS[0] if row["system"] == "pretrained" else _LINE
                axes.plot([row["low"], row["high"]], [position, position], color=colour, lw=2, solid_capstyle="butt")
                axes.plot(row["value"], position, "o", color=colour, ms=5)
            systems = [row["system"] for row in systems_in_order(task, metric)]
            axes.set_yticks(range(len(systems)), systems)
            axes.set_ylim(rows - 0.5, -0.5)
            axes.grid(axis="y", visible=False)
            better = next(row["better"] for row in task["scores"] if row["metric"] == metric)
            axes.set_title(f"{metric} ({better} is better)", loc="left", fontsize=9)

    return draw(f"scores-{task['task']}", min(4.4 * len(metrics), 13.0), 0.8 + 0.28 * rows, paint)
