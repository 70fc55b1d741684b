"""What a report shows of a run's artifacts, read from the store; what a stage did not leave is simply absent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.records import RunRecord, StageOutcome

_SAMPLES_PER_REASON = 3


@dataclass(frozen=True)
class StageContents:
    """One stage with what it left."""

    outcome: StageOutcome
    folder: Path

    @property
    def label(self) -> str:
        """'weights/foundation'."""
        return f"{self.outcome.kind}/{self.outcome.name}"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """`metrics.jsonl`."""
        path = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the artifact; empty when it is not there."""
        path = self.folder / name
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return loaded

    @property
    def samples(self) -> list[dict[str, str]]:
        """Texts that the weights of a stage write: objective, shown, written, original."""
        found: list[dict[str, str]] = self.read("record.json").get("samples", [])
        return found

    @property
    def selection(self) -> dict[str, Any]:
        """How the weights of a stage were chosen, with the validations at the kept step and at the end.

        Empty where the last weights were kept.
        """
        stage = self.read("stage.json")
        if "selection" not in stage:
            return {}
        chosen: dict[str, Any] = stage["selection"]
        [kept] = [entry for entry in chosen["evaluations"] if entry["step"] == chosen["step"]]
        return chosen | {"steps": stage["steps"], "kept": kept, "last": chosen["evaluations"][-1]}

    @property
    def settings(self) -> dict[str, Any]:
        """Of a stage of pretraining, as its key holds them; with the batch in force and the heads that were new."""
        values = self.read("manifest.json").get("values", {})
        fresh = self.read("stage.json").get("heads", {}).get("fresh", [])
        return values["stage"] | {"batch": values["global_batch_tokens"], "fresh": fresh} if "stage" in values else {}

    def curve(self, metric: str) -> tuple[list[int], list[float]]:
        """Tokens and values of one metric."""
        points = [(line["tokens"], line["metrics"][metric]) for line in self.lines if metric in line["metrics"]]
        return [tokens for tokens, _ in points], [value for _, value in points]

    def metrics_like(self, start: str, end: str) -> dict[str, str]:
        """What stands between `start` and `end` -> metric, for names of three parts: 'cloze' -> 'train/cloze/loss'."""
        names = dict.fromkeys(name for line in self.lines for name in line["metrics"])
        return {
            name[len(start) : -len(end)]: name
            for name in names
            if name.startswith(start) and name.endswith(end) and name.count("/") == 2
        }

    def dropped(self) -> list[dict[str, Any]]:
        """A few dropped documents of each reason: source, rule, reason, text, origin."""
        path = self.folder / "audit" / "dropped.parquet"
        if not path.exists():
            return []
        shown: dict[tuple[str, str], int] = {}
        rows = []
        for row in sorted(pq.read_table(path).to_pylist(), key=lambda row: (row["rule"], row["reason"])):
            reason = (row["rule"], row["reason"])
            shown[reason] = shown.get(reason, 0) + 1
            if shown[reason] <= _SAMPLES_PER_REASON:
                rows.append(row)
        return rows


def read_stages(record: RunRecord, store_root: Path) -> list[StageContents]:
    """The stages of a run in their order."""
    return [StageContents(outcome, store_root / outcome.folder) for outcome in record.stages]


def read_scores(record: RunRecord, store_root: Path) -> list[dict[str, Any]]:
    """Contents of every `scores.json`, with the recipe's name for the task in place of its kind, which is `kind`."""
    scored = of_kind(read_stages(record, store_root), "scores")
    return [
        {**content, "task": stage.outcome.name, "kind": content["task"]}
        for stage in scored
        if (content := stage.read("scores.json"))
    ]


def of_kind(stages: list[StageContents], kind: str) -> list[StageContents]:
    """The stages of one kind."""
    return [stage for stage in stages if stage.outcome.kind == kind]
