"""One self-contained HTML page for a run: no request leaves it, and nothing that was read from data is markup in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from flows.records import RunRecord
from flows.report import figures
from flows.report.console import (
    difference_against,
    duration,
    figure,
    metrics_in_order,
    outcome,
    systems_in_order,
    tasks_in_order,
)
from flows.report.contents import StageContents, of_kind, read_scores, read_stages
from flows.report.corpus_figures import corpus_figures
from lightning_modules.exams import EXAMS

_SCRATCH = "-scratch"


def render_report(record: RunRecord, store_root: Path) -> str:
    """The page of one run.

    Args:
        record: of any run, also of a failed one; what its stages did not leave is left out.
        store_root: where the record's artifacts are.
    """
    stages = read_stages(record, store_root)
    corpora = of_kind(stages, "corpus")
    pretraining = [stage for stage in of_kind(stages, "weights") if stage.lines]
    counts = corpora[0].read("audit/counts.json") if corpora else {}
    scores = tasks_in_order(read_scores(record, store_root))
    return (
        environment()
        .get_template("page.html")
        .render(
            record=record,
            stages=stages,
            seconds=(record.finished - record.started).total_seconds(),
            settings=json.dumps(record.settings, ensure_ascii=False, indent=1),
            scores=scores,
            sections=_sections(scores),
            score_plots=[Markup(figures.scores(task)) for task in scores],
            curve_plots=[
                [Markup(figures.curve(task["task"], curve)) for curve in task.get("curves", ())] for task in scores
            ],
            corpus_plots=[Markup(plot) for plot in corpus_figures(counts).values()] if counts else [],
            counts=counts,
            dropped=corpora[0].dropped() if corpora else [],
            tokenizers=[stage.read("report.json") for stage in of_kind(stages, "tokenizer")],
            pretraining=pretraining,
            losses=Markup(figures.losses(pretraining)) if pretraining else None,
            accuracies=Markup(figures.accuracies(pretraining))
            if any(s.metrics_like("train/", "/accuracy") for s in pretraining)
            else None,
            weights=Markup(figures.weights(pretraining))
            if any(s.metrics_like("train/", "/weight") for s in pretraining)
            else None,
            selected=[stage for stage in stages if stage.selection],
            finetuning=[Markup(figures.finetuning(task, systems)) for task, systems in _systems(stages).items()],
            energy=[_energy(stage) for stage in stages],
        )
    )


@cache
def environment() -> Environment:
    """Templates with everything escaped that is not marked as markup, and every undefined name an error."""
    made = Environment(
        loader=PackageLoader("flows.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"duration": duration, "figure": figure, "outcome": outcome, "readable": readable, "used": used}
    made.filters["percent"] = "{:.1%}".format
    made.filters["shaded"] = shaded
    made.globals |= {
        "metrics_in_order": metrics_in_order,
        "systems_in_order": systems_in_order,
        "difference_against": difference_against,
    }
    return made


def readable(value: Any) -> str:
    """A value of a JSON file in one line: 1,234, 0.957, 'a, b'."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {readable(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(readable(part) for part in value)
    return str(value)


def shaded(tokens: Sequence[tuple[str, float]]) -> list[tuple[str, float, str]]:
    """Tokens with what each brings about and the colour that shows it: blue for, orange against, as strong as it is."""
    largest = max((abs(value) for _, value in tokens), default=0.0) or 1.0
    colours = {True: "0, 114, 178", False: "213, 94, 0"}
    return [(text, value, f"rgba({colours[value > 0]}, {0.75 * abs(value) / largest:.3f})") for text, value in tokens]


def used(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not off."""
    return {name: value for name, value in settings.items() if value}


def _sections(scores: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Scores, and apart from them the exams of what a model should not do."""
    concerns = [task for task in scores if task["kind"] in EXAMS and EXAMS[task["kind"]].concern]
    return {"Scores": [task for task in scores if task not in concerns], "Concerns": concerns}


def _systems(stages: list[StageContents]) -> dict[str, dict[str, StageContents]]:
    """Task -> 'pretrained', 'scratch' -> its fine-tuning, where it left curves."""
    tasks: dict[str, dict[str, StageContents]] = {}
    for stage in of_kind(stages, "finetuned"):
        if stage.lines:
            system = "scratch" if stage.outcome.name.endswith(_SCRATCH) else "pretrained"
            tasks.setdefault(stage.outcome.name.removesuffix(_SCRATCH), {})[system] = stage
    return tasks


def _energy(stage: StageContents) -> str:
    """'12 Wh (rapl)': what the artifact took when it was built, from its `record.json`."""
    energy = stage.read("record.json").get("energy")
    return f"{1000 * energy['kwh']:.2g} Wh ({energy['method']})" if energy else "-"
