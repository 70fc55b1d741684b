"""Makes a judging sheet from what scored runs left: which examples and pairs, which side, and what is asked twice."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from flows.judging.sheet import Item, Kind, Question, Sheet
from flows.records import RunRecord
from flows.report.contents import of_kind, read_stages

REFERENCE = "reference"
"""The right answers as a system among the others: what people's own work is worth on the same scale."""
REPEATED_SHARE = 0.1
"""Of the questions that are asked twice, for the raters' consistency with themselves."""


@dataclass(frozen=True)
class _Scored:
    """What one run's systems gave for one task."""

    texts: dict[str, dict[str, str]]
    """System -> example id -> text."""
    references: dict[str, str]
    """Example id -> the first right answer."""


def draw_sheet(
    records: Sequence[RunRecord],
    store_root: Path,
    task: str,
    systems: Sequence[str],
    *,
    items: int,
    kinds: Sequence[Kind],
    shows_references: bool,
    seed: int,
) -> Sheet:
    """Draws a sheet; equal arguments give an equal one.

    Args:
        records: runs that scored the task; with several, a system is named '<run>/<system>'.
        store_root: where their artifacts are.
        task: a scored set, by its name in the recipe.
        systems: of `examples.parquet`, in every run; `REFERENCE` is the right answers.
        items: examples to judge, drawn from those that all systems answered; all, where there are fewer.
        kinds: what is asked: every pair of systems, every text by itself, or both.
        shows_references: raters see the right answer.
        seed: of the examples, their order, the sides and what is asked twice.

    Raises:
        ValueError: a run did not score the task, a system is not there, or there is nothing to judge.
    """
    if shows_references and REFERENCE in systems:
        raise ValueError(f"system {REFERENCE!r} is not hidden from raters who see the reference; leave one of them out")
    if len(set(ids := [record.id for record in records])) < len(ids):
        raise ValueError(f"the same run twice: {', '.join(ids)}; name each once")
    scored = {record.id: _read(record, store_root, task) for record in records}
    texts = _named(scored, systems)
    if "pair" in kinds and len(texts) < 2:
        raise ValueError(f"pairs need two systems, got {', '.join(texts)}; name more, or ask for ratings only")
    shared = sorted(set.intersection(*(set(own) for own in texts.values())))
    if not shared:
        raise ValueError(f"{task}: no example was answered by all of {', '.join(texts)}")
    random = np.random.default_rng(seed)
    chosen = [shared[index] for index in random.permutation(len(shared))[:items]]
    first = next(iter(scored.values())).references
    description, inputs = _inputs(records[0], store_root, task)
    drawn = [
        Item(
            id=example,
            input=inputs.get(example, ""),
            reference=first.get(example, ""),
            texts={system: own[example] for system, own in texts.items()},
        )
        for example in chosen
    ]
    questions, alike = _questions(drawn, list(texts), kinds, random)
    if not questions:
        raise ValueError(f"{task}: nothing to ask, as all {alike} pairs are of equal texts")
    return Sheet(
        task=task,
        runs=ids,
        systems=list(texts),
        language=description.get("language", ""),
        target_language=description.get("target_language", ""),
        seed=seed,
        shows_references=shows_references,
        items=drawn,
        questions=questions,
        alike=alike,
    )


def _questions(
    items: Sequence[Item], systems: Sequence[str], kinds: Sequence[Kind], random: np.random.Generator
) -> tuple[list[Question], int]:
    """The questions in their order, and how many pairs were of equal texts."""
    asked, alike = [], 0
    for item in items:
        for pair in itertools.combinations(systems, 2) if "pair" in kinds else ():
            if item.texts[pair[0]] == item.texts[pair[1]]:
                alike += 1
                continue
            sides = pair if random.random() < 0.5 else pair[::-1]
            asked.append(Question(kind="pair", item=item.id, systems=sides))
        if "rating" in kinds:
            asked += [Question(kind="rating", item=item.id, systems=(system,)) for system in systems]
    order = [asked[index] for index in random.permutation(len(asked))]
    # Pairs before ratings: who switches between the two at every question is slower at both.
    order.sort(key=lambda question: question.kind)
    repeats = math.ceil(REPEATED_SHARE * len(order))
    again = sorted(random.permutation(len(order))[:repeats].tolist())
    # Asked again at the end, so that as many others as can be lie between.
    return order + [_repeated(order[number], number) for number in again], alike


def _repeated(question: Question, number: int) -> Question:
    return question.model_copy(update={"systems": question.systems[::-1], "repeats": number})


def _named(scored: Mapping[str, _Scored], systems: Sequence[str]) -> dict[str, dict[str, str]]:
    """System as the sheet names it -> example id -> text."""
    named: dict[str, dict[str, str]] = {}
    for system in dict.fromkeys(systems):
        if system == REFERENCE:
            named[REFERENCE] = {key: text for own in scored.values() for key, text in own.references.items()}
            continue
        for run, own in scored.items():
            if system not in own.texts:
                known = ", ".join([*own.texts, REFERENCE])
                raise ValueError(f"run {run} has no texts of a system {system!r}. Known: {known}")
            named[system if len(scored) == 1 else f"{run}/{system}"] = own.texts[system]
    return named


def _read(record: RunRecord, store_root: Path, task: str) -> _Scored:
    sets = {stage.outcome.name: stage for stage in of_kind(read_stages(record, store_root), "scores")}
    if task not in sets:
        raise ValueError(f"run {record.id} has no scores of {task!r}. Known: {', '.join(sets) or 'none'}")
    texts: dict[str, dict[str, str]] = {}
    references: dict[str, str] = {}
    columns = ["example_id", "system", "prediction", "references"]
    for row in pq.read_table(sets[task].folder / "examples.parquet", columns=columns).to_pylist():
        if row["prediction"] is not None:
            texts.setdefault(row["system"], {})[row["example_id"]] = row["prediction"]
        if row["references"]:
            references[row["example_id"]] = row["references"][0]
    if not texts:
        raise ValueError(f"{task}: its scores hold no texts to judge; choose a task whose systems answer in words")
    return _Scored(texts, references)


def _inputs(record: RunRecord, store_root: Path, task: str) -> tuple[dict[str, str], dict[str, str]]:
    """`task.json` of the examples, and example id -> input; both empty for a scored set without labelled examples."""
    for stage in of_kind(read_stages(record, store_root), "examples"):
        if stage.outcome.name == task:
            rows = pq.read_table(stage.folder / "test.parquet", columns=["id", "input"]).to_pylist()
            return stage.read("task.json"), {row["id"]: row["input"] for row in rows}
    return {}, {}
