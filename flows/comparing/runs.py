"""A comparison of runs as a whole: the first one is what the others are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.comparing.flips import Flips, find_flips
from flows.comparing.reseeding import Seeds, find_seeds, spreads
from flows.comparing.scored import ScoredSet
from flows.comparing.scores import ScoreDelta, compare_sets
from flows.records import RunRecord, StageOutcome, all_records, flatten
from flows.report.console import tasks_in_order
from flows.report.contents import of_kind, read_stages
from flows.stages import LANGUAGE_MODEL

ABSENT = "(absent)"


@dataclass(frozen=True)
class StageRow:
    """One stage in all runs."""

    label: str
    """'weights/foundation'."""
    fingerprints: tuple[str | None, ...]
    """Of its artifact, one a run; None where a run has no such stage."""

    def same(self, run: int) -> bool:
        """Whether a run, by its place, has the first one's artifact."""
        return self.fingerprints[run] is not None and self.fingerprints[run] == self.fingerprints[0]


@dataclass(frozen=True)
class Comparison:
    """Runs against the first of them."""

    runs: list[RunRecord]
    settings: dict[str, tuple[Any, ...]]
    """Flat recipe key -> its value in each run, where they are not all the same."""
    stages: list[StageRow]
    scores: list[ScoreDelta]
    """In the order of the tasks; of a task its metrics, the headline first, and of a metric the runs."""
    flips: list[Flips]
    seeds: list[Seeds]
    """One a run."""

    def parting(self, run: int) -> str | None:
        """The first stage that a run, by its place, does not share with the first run; None if it shares all."""
        return next(
            (row.label for row in self.stages if not row.same(run) and (row.fingerprints[0] or row.fingerprints[run])),
            None,
        )

    @property
    def tests(self) -> int:
        """Number of tests that Holm's correction is over."""
        return sum(delta.paired is not None for delta in self.scores)


def compare_runs(records: Sequence[RunRecord], store_root: Path) -> Comparison:
    """Compares runs of one store with the first of them.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(records) < 2:
        raise ValueError(f"a comparison needs two runs or more, got {len(records)}; `stagelm runs` lists them")
    flat = [flatten(record.settings) for record in records]
    settings = {key: tuple(values.get(key, ABSENT) for values in flat) for key in sorted(set().union(*flat))}
    everything = all_records(store_root)
    seeds = [find_seeds(record, everything, store_root) for record in records]
    sets = [_scored_sets(record, store_root) for record in records]
    others = records[1:]
    pairs = [
        (record.id, sets[0].get(name), own.get(name))
        for name in _in_order(sets)
        for record, own in zip(others, sets[1:], strict=True)
        if name in sets[0] or name in own
    ]
    reseeding = {record.id: spreads(seeds[0], own) for record, own in zip(others, seeds[1:], strict=True)}
    scores, tested = compare_sets(pairs, lambda run, task, metric: reseeding[run](task, metric))
    inputs = {record.id: _inputs(record, store_root) for record in others}
    return Comparison(
        list(records),
        {key: values for key, values in settings.items() if any(value != values[0] for value in values)},
        _stage_rows(records),
        _by_metric(scores),
        [
            find_flips(run, before, after, tested[run, after.name], inputs[run].get(after.name, {}))
            for run, before, after in pairs
            if before and after and (run, after.name) in tested
        ],
        seeds,
    )


def _scored_sets(record: RunRecord, store_root: Path) -> dict[str, ScoredSet]:
    stages = read_stages(record, store_root)
    tasks = {stage.outcome.name: stage.read("task.json") for stage in of_kind(stages, "examples")}
    return {
        stage.outcome.name: ScoredSet(
            stage.outcome.name, stage.outcome.fingerprint, content, tasks.get(stage.outcome.name, {}), stage.folder
        )
        for stage in of_kind(stages, "scores")
        if (content := stage.read("scores.json"))
    }


def _in_order(sets: Sequence[dict[str, ScoredSet]]) -> list[str]:
    """Names of all sets: the language model first."""
    contents = {name: {**scored.content, "task": name} for own in reversed(sets) for name, scored in own.items()}
    return [str(content["task"]) for content in tasks_in_order(contents.values())]


def _inputs(record: RunRecord, store_root: Path) -> dict[str, dict[str, Path]]:
    """Scored set -> where the texts of its examples are."""
    stages = read_stages(record, store_root)
    labelled = {stage.outcome.name: {"examples": stage.folder} for stage in of_kind(stages, "examples")}
    corpora = [{"corpus": stage.folder} for stage in of_kind(stages, "corpus")]
    return labelled | ({LANGUAGE_MODEL: corpora[0]} if corpora else {})


def _stage_rows(records: Sequence[RunRecord]) -> list[StageRow]:
    """Every stage of any run, in the order of the last run and then of those before it."""
    known = [{_label(stage): stage.fingerprint for stage in record.stages} for record in records]
    labels = dict.fromkeys(label for own in reversed(known) for label in own)
    return [StageRow(label, tuple(own.get(label) for own in known)) for label in labels]


def _label(stage: StageOutcome) -> str:
    return f"{stage.kind}/{stage.name}"


def _by_metric(scores: Sequence[ScoreDelta]) -> list[ScoreDelta]:
    """Brings the runs of one metric together, in the order in which tasks and metrics come."""
    places = list(dict.fromkeys((delta.task, delta.metric) for delta in scores))
    tasks = list(dict.fromkeys(task for task, _ in places))
    return sorted(scores, key=lambda d: (tasks.index(d.task), places.index((d.task, d.metric))))
