"""The card of a registered model: what it is, what it was made from, how good it is, and what one must know of it.

Everything on it is read from the plan and from artifacts, so equal artifacts give an equal card; only the energy, which
was measured once when they were built, stands on the copies that leave the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from data.corpus_card import kind_of, known_limits
from data.corpus_counts import CorpusSummary
from data.markdown import cell, table
from flows.plan import Plan
from flows.report.console import figure, metrics_in_order, systems_in_order
from lightning_modules.tasks.finetuning import FinetuningConfig

_FREE = ("cc0", "cc-by", "cc by", "mit", "bsd", "apache", "public domain", "odc", "isc")
_BOUND = {"nc", "noncommercial", "research", "unknown"}
"""Beginnings and words of licences that a model for any use may, and may not, be trained under."""

_HUB_TASKS = {
    "classification": "text-classification",
    "extractive_qa": "question-answering",
    "multi_label": "text-classification",
    "retrieval": "sentence-similarity",
    "tagging": "token-classification",
}
"""Task -> the hub's name for it, where that is another."""


@dataclass(frozen=True)
class CardFacts:
    """Which artifacts a model comes from, and which say how good it is."""

    name: str
    """As it is registered."""
    corpora: Sequence[Path]
    """All `corpus` artifacts that its training has read."""
    scores: Mapping[str, Path]
    """Name of the test set -> `scores` artifact."""
    built: Sequence[Path]
    """Artifacts whose building cost energy, in order."""
    task: str | None = None
    """Name in `finetuning`; None: the base model."""
    continued_tokens: int = 0
    """Positions through the trunk of a retraining, beyond the recipe's stages."""


def card_facts(plan: Plan, name: str, task: str | None, scored: Sequence[str]) -> CardFacts:
    """Returns the facts of a model that a plan builds.

    Args:
        plan: with everything but the registration built.
        name: as the model is registered.
        task: name in `finetuning`, or None for the base model.
        scored: test sets that say something of this model.
    """
    recipe = plan.recipe
    labels = [f"{kind}/{recipe.name}" for kind in ("corpus", "tokenizer", "tokens")]
    labels += [f"weights/{stage}" for stage in recipe.pretraining.stages]
    if task is not None:
        labels += [f"examples/{task}", f"finetuned/{task}"]
    return CardFacts(
        name=name,
        corpora=[plan.folder(labels[0])],
        scores={scores: plan.folder(f"scores/{scores}") for scores in scored},
        built=[plan.folder(label) for label in labels],
        task=task,
    )


def model_card(plan: Plan, facts: CardFacts) -> str:
    """Returns the card, in Markdown; with a section in Chinese where the recipe keeps Chinese text."""
    recipe, derived = plan.recipe, plan.derived()
    summaries = [CorpusSummary.model_validate(_manifest(corpus)["counts"]) for corpus in facts.corpora]
    config = None if facts.task is None else recipe.finetuning[facts.task]
    scores = {name: _json(folder / "scores.json") for name, folder in facts.scores.items()}
    licences = dict.fromkeys(source.licence for source in recipe.corpus.sources.values())
    languages = sorted({language for summary in summaries for language in summary.languages})
    shown = {
        "facts": facts,
        "recipe": recipe,
        "config": config,
        "parameters": derived["parameters"],
        "tokens": derived["pretraining_tokens"] + facts.continued_tokens,
        "model": plan.model,
        "languages": languages,
        "documents": sum(sum(summary.documents.values()) for summary in summaries),
        "megabytes": sum(sum(summary.bytes.values()) for summary in summaries) / 1e6,
        "sources": _sources(plan, summaries),
        "stages": _stages(plan),
        "labelled": None if facts.task is None or config is None else _labelled(plan, facts.task, config),
        "results": {name: _results(content) for name, content in scores.items()},
        "overlap": {name: content["overlap"] for name, content in scores.items() if "overlap" in content},
        "bound": [licence for licence in licences if not is_free(licence)],
        "limits": list(known_limits(recipe.corpus.content())),
        "chinese": "zh" in recipe.corpus.languages,
        "headlines": _headlines(scores),
    }
    head = {
        "language": languages,
        "license": "other",
        "license_details": "; ".join(licences),
        "tags": ["stagelm", recipe.name],
        "pipeline_tag": "text-generation" if config is None else _HUB_TASKS.get(config.task, config.task),
    }
    text = _templates().get_template("model_card.md").render(shown)
    return f"---\n{yaml.safe_dump(head, sort_keys=True, allow_unicode=True)}---\n\n{text}"


def with_energy(card: str, facts: CardFacts) -> str:
    """Returns the card with what each stage took when it was built, where that was measured."""
    rows, total = [], 0.0
    for folder in facts.built:
        manifest, record = _manifest(folder), _json(folder / "record.json")
        if energy := record.get("energy"):
            total += energy["kwh"]
            spent = [f"{1000 * energy['kwh']:.3g}", energy["method"], f"{record['seconds']:,.0f}"]
            rows.append([f"{manifest['kind']}/{manifest['name']}", *spent])
    if not rows:
        return card
    rows.append(["all", f"{1000 * total:.3g}", "", ""])
    measured = table(["stage", "Wh", "how it was found", "seconds"], rows)
    return f"{card}\n## Energy\n\n{measured}\n"


def is_free(licence: str) -> bool:
    """Whether a licence, as a recipe spells it, lets a model be used for anything."""
    low = licence.lower()
    words = set(low.replace("-", " ").replace("(", " ").split())
    return low.startswith(_FREE) and not _BOUND & words


def _sources(plan: Plan, summaries: Sequence[CorpusSummary]) -> str:
    rows = []
    for name, source in plan.recipe.corpus.sources.items():
        counts = [summary.sources[name] for summary in summaries if name in summary.sources]
        read, kept = sum(count.read for count in counts), sum(count.kept for count in counts)
        size = sum(count.bytes_kept for count in counts) / 1e6
        numbers = [f"{read:,}", f"{kept:,}", f"{size:.2f}"]
        rows.append([name, kind_of(source), source.licence, *numbers, f"`{plan.sources[name][:16]}`"])
    return table(["source", "type", "licence", "documents read", "kept", "MB kept", "sha256 of its content"], rows)


def _stages(plan: Plan) -> str:
    rows = []
    for name, stage in plan.recipe.pretraining.stages.items():
        uses = (
            f"{use_name if use_name == use.objective else f'{use_name} ({use.objective})'}: "
            f"share {use.share:g}, weight {use.weight:g}"
            for use_name, use in stage.objectives.items()
        )
        sizes = [f"{plan.tokens(stage):,}", f"{plan.steps(stage):,}", f"{stage.sequence_length:,}"]
        rows.append([name, *sizes, f"{stage.peak_lr:g}", "; ".join(uses)])
    return table(["stage", "tokens", "steps", "row", "highest rate", "objectives"], rows)


def _labelled(plan: Plan, task: str, config: FinetuningConfig) -> str:
    folder = plan.folder(f"examples/{task}")
    counts = _json(folder / "counts.json")
    facts = {
        "source": config.data.source,
        "examples": ", ".join(f"{number:,} {split}" for split, number in counts["kept"].items()),
        "classes": ", ".join(config.data.labels) or "-",
        "left out": ", ".join(f"{number:,} {reason}" for reason, number in counts["dropped"].items()) or "none",
        "sha256 of its content": f"`{plan.labelled[task]}`",
        "objective": config.kind.objective,
        "what is trained": config.adapter.method,
        "examples seen": f"{config.examples:,}, in {config.steps:,} steps of {config.batch_size}",
        "highest rate": f"{config.peak_lr:g}",
    }
    return table(["of the task", ""], ([name, value] for name, value in facts.items()))


def _results(content: Mapping[str, Any]) -> str:
    rows = []
    for metric in metrics_in_order(content):
        for row in systems_in_order(content, metric):
            interval = f"{figure(row['low'])} to {figure(row['high'])}"
            value = [figure(row["value"]), interval, f"{row['n']:,}", f"`{row['signature']}`"]
            rows.append([metric, row["better"], row["system"], *value])
    return table(["metric", "better", "system", "value", "95 % interval", "examples", "signature"], rows)


def _headlines(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for name, content in scores.items():
        row = content["headline"]
        interval = f"{figure(row['low'])}–{figure(row['high'])}"
        found.append(f"{cell(name)}：{row['metric']} {figure(row['value'])}（95% 区间 {interval}，{row['n']:,} 例）")
    return found


def _manifest(folder: Path) -> dict[str, Any]:
    return _json(folder / "manifest.json")


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("flows.report"),
        autoescape=False,  # Markdown, not HTML; what comes from people is made a cell
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"cell": cell, "listed": _listed}
    made.filters["percent"] = "{:.1%}".format
    made.filters["count"] = "{:,}".format
    return made


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(cell, values))
