"""Which scores of two runs differ for certain: paired by example, and only where both were computed alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.records import RunRecord
from flows.report.console import metrics_in_order
from flows.report.contents import StageContents, of_kind, read_stages
from lightning_modules.metrics import METRICS, Outputs, compare, refuse_other, wins
from lightning_modules.scoring.results import read_outputs

_RESAMPLES, _SEED = 1000, 17
"""Of the paired bootstrap; fixed, so that the same two runs always compare alike."""
_SYSTEM = "pretrained"
"""What is compared: the network that each run is about."""


@dataclass(frozen=True)
class ScoreDelta:
    """One metric of one task in both runs, on the examples that both scored."""

    task: str
    metric: str
    better: str
    """'higher' or 'lower'."""
    before: float
    after: float
    low: float
    high: float
    """95 % interval of after - before, paired by example."""
    wins: bool | None
    """Whether the second run is better; None if the interval holds 0."""
    examples: int

    @property
    def difference(self) -> float:
        """After - before."""
        return self.after - self.before


def score_deltas(first: RunRecord, second: RunRecord, store_root: Path) -> tuple[list[ScoreDelta], list[str]]:
    """Returns what can be compared, and of what cannot the reason, one line each."""
    before = {stage.outcome.name: stage for stage in of_kind(read_stages(first, store_root), "scores")}
    stages = read_stages(second, store_root)
    tasks = {stage.outcome.name: stage.read("task.json") for stage in of_kind(stages, "examples")}
    deltas: list[ScoreDelta] = []
    refused: list[str] = []
    for stage in of_kind(stages, "scores"):
        name = stage.outcome.name
        if name in before:
            _compare_all(before[name], stage, tasks.get(name, {}), deltas, refused)
    return deltas, refused


def _compare_all(
    before: StageContents,
    after: StageContents,
    task: Mapping[str, Any],
    deltas: list[ScoreDelta],
    refused: list[str],
) -> None:
    """Adds a line for each metric that both runs have, to the one list or the other."""
    theirs, ours = (_signatures(stage) for stage in (before, after))
    old, new = _on_shared_examples(before.folder, after.folder)
    if not old.references and not len(old.nll_N):
        return
    for name in metrics_in_order(after.read("scores.json")):
        if name not in theirs or name not in ours:
            continue
        try:
            refuse_other(f"{after.outcome.name}: {name}", theirs[name], ours[name])
            deltas.append(_delta(after.outcome.name, name, task, old, new))
        except ValueError as error:
            refused.append(str(error))


def _delta(place: str, name: str, task: Mapping[str, Any], old: Outputs, new: Outputs) -> ScoreDelta:
    metric = METRICS[name](task.get("target_language", "en"), task.get("labels", ()))
    theirs, ours = metric.statistics(old), metric.statistics(new)
    difference = compare(metric, ours, theirs, _RESAMPLES, _SEED)
    return ScoreDelta(
        place,
        name,
        metric.better,
        before=float(metric.value(theirs.sum(0))),
        after=float(metric.value(ours.sum(0))),
        low=difference.low,
        high=difference.high,
        wins=wins(metric, difference),
        examples=len(ours),
    )


def _signatures(stage: StageContents) -> dict[str, str]:
    rows = stage.read("scores.json").get("scores", [])
    return {row["metric"]: row["signature"] for row in rows if row["system"] == _SYSTEM}


def _on_shared_examples(before: Path, after: Path) -> tuple[Outputs, Outputs]:
    """Returns what both gave, each in the same order of the examples that both were asked."""
    (theirs, old), (ours, new) = read_outputs(before, _SYSTEM), read_outputs(after, _SYSTEM)
    shared = sorted(set(theirs) & set(ours))
    places = [{example: place for place, example in enumerate(ids)} for ids in (theirs, ours)]
    first, second = ([own[example] for example in shared] for own in places)
    return old.take(first), new.take(second)
