"""Exam `group_gaps`: does a task's classifier treat groups of texts alike?

It reads the answers that the task's own scoring has kept; no network runs. What a group is comes from the examples, or
from the words that a text holds. Fairness of this kind is of answers, not of their use: equal gaps can be just or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from data.counterfactual import words_pattern
from data.examples import read_examples
from data.views.noise import key, permutation
from lightning_modules.exams.base import Exam, Results, Sitting, Table
from lightning_modules.exams.groups import group_table
from lightning_modules.exams.task import SCRATCH, class_labels
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring.results import Comparison, TestSet

GAPS = ("equalised_odds_gap", "demographic_parity_gap", "accuracy_gap")
_SHUFFLES = 100


class GroupGaps(Exam):
    """Settings of `group_gaps`."""

    concern: ClassVar[bool] = True

    exam: Literal["group_gaps"]
    task: str
    """Name of a classification in `finetuning`."""
    detail: str | None = None
    """Key of the examples' details whose value is the group."""
    words: dict[str, tuple[str, ...]] = Field({})
    """Group -> words: a text is of the group of which it holds a word; of none, where it holds words of several. With
    neither `detail` nor `words` the group is the one that the examples were divided by."""
    at_least: int = Field(10, gt=0)
    """Groups with fewer test examples are left out."""

    @model_validator(mode="after")
    def _one_way_to_group(self) -> Self:
        if self.detail is not None and self.words:
            raise ValueError("give detail or words, not both: each says what the groups are")
        if self.words and (len(self.words) < 2 or not all(self.words.values())):
            raise ValueError("words: give two groups or more, each with a word")
        return self

    @property
    def subject(self) -> str:
        """The task."""
        return self.task

    def reads(self) -> dict[str, str]:
        """The task's examples and its scores."""
        return {"examples": f"examples/{self.task}", "scored": f"scores/{self.task}"}

    def groups(self, examples: list[dict[str, Any]]) -> dict[str, str]:
        """Returns id -> group of the examples that are of one."""
        if self.words:
            patterns = {name: words_pattern(words) for name, words in self.words.items()}
            named = {e["id"]: [name for name, own in patterns.items() if own.search(e["input"])] for e in examples}
            return {example_id: names[0] for example_id, names in named.items() if len(names) == 1}
        if self.detail is None:
            return {example["id"]: example["group"] for example in examples}
        return {e["id"]: str(e["details"][self.detail]) for e in examples if e["details"].get(self.detail) is not None}

    def run(self, sitting: Sitting) -> Results:
        """Counts the answers by group.

        Raises:
            ValueError: there are fewer than two groups.
        """
        labels = class_labels(sitting, self.task)
        rows = pq.read_table(sitting.folders["scored"] / "examples.parquet").to_pylist()
        own = self.groups(read_examples(sitting.folders["examples"], "test"))
        sizes: dict[str, int] = {}
        for example_id in dict.fromkeys(row["example_id"] for row in rows):
            if example_id in own:
                sizes[own[example_id]] = sizes.get(own[example_id], 0) + 1
        kept = {group for group, size in sizes.items() if size >= self.at_least}
        if len(kept) < 2:
            found = ", ".join(f"{group} {size}" for group, size in sorted(sizes.items())[:10]) or "none"
            raise ValueError(
                f"gaps are between groups, but fewer than two of task {self.task!r} have {self.at_least} scored test "
                f"examples ({found}); lower at_least, or name the groups by detail or words"
            )
        rows = [row | {"group": own[row["example_id"]]} for row in rows if own.get(row["example_id"]) in kept]
        systems: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=lambda row: row["group"]):
            systems.setdefault(row["system"], []).append(row)
        outputs = {name: _outputs(answered) for name, answered in systems.items()}
        networks = {"pretrained", SCRATCH}
        answered = next(iter(systems.values()))
        comparison = Comparison(
            test=TestSet([row["example_id"] for row in answered], [row["group"] for row in answered]),
            metrics=[METRICS[name]("", labels) for name in GAPS],
            trained={name: own for name, own in outputs.items() if name in networks},
            baselines={name: own for name, own in outputs.items() if name not in networks},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        accuracy = replace(comparison, metrics=[METRICS["accuracy"]("", labels)])
        tables = [group_table(accuracy, "Accuracy by group", "group"), _predicted(comparison, labels)]
        left = sum(size for group, size in sizes.items() if group not in kept)
        facts = {"examples_left_out": left, **_by_chance(comparison)}
        return Results(comparison, (), tables, facts=facts, labels=labels)


def _outputs(rows: list[dict[str, Any]]) -> Outputs:
    return Outputs(
        predictions=[row["prediction"] for row in rows],
        references=[row["references"] for row in rows],
        groups=[row["group"] for row in rows],
    )


def _predicted(comparison: Comparison, labels: tuple[str, ...]) -> Table:
    """How often each class is the subject's answer, and the truth, in each group."""
    subject = next(iter(comparison.outputs.values()))
    groups = np.array(subject.groups)
    predicted = np.array(subject.predictions)
    true = np.array([references[0] for references in subject.references])
    rows: list[list[str | float]] = []
    for group in dict.fromkeys(subject.groups):
        here = groups == group
        shares = [100.0 * (answers[here] == label).mean() for label in labels for answers in (predicted, true)]
        rows.append([group, int(here.sum()), *map(float, shares)])
    columns = [f"{label}: {what}, %" for label in labels for what in ("predicted", "true")]
    return Table("Classes by group", ["group", "examples", *columns], rows)


def _by_chance(comparison: Comparison) -> Mapping[str, float]:
    """The subject's mean gaps where the groups' names are dealt out anew among the examples: what no cause makes."""
    subject = next(iter(comparison.outputs.values()))
    names = np.array(subject.groups)
    found: dict[str, list[float]] = {metric.name: [] for metric in comparison.metrics}
    for shuffle in range(_SHUFFLES):
        dealt = names[permutation(key(comparison.seed, "groups", shuffle), len(names))]
        shuffled = replace(subject, groups=dealt.tolist())
        for metric in comparison.metrics:
            found[metric.name].append(float(metric.value(metric.statistics(shuffled).sum(0))))
    return {f"{name}_by_chance": float(np.mean(values)) for name, values in found.items()}
