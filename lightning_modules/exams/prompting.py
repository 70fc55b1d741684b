"""Exam `prompting`: a labelled task put into words, with no or a few examples before it, and no parameter changed.

The text of an example goes into a template, and each class into the words of a verbaliser; the class whose words the
network finds most probable is its answer. A template's `{label}` is read causally after all that stands before it, or
masked in the midst of what stands around it. Examples that are shown come from the training split, drawn by the seed in
several draws and orders; nothing is chosen by the test split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from data.config import Count
from data.examples import TaskDescription, read_examples
from data.naming import look_up
from data.tasks import LabelledConfig, LabelledSource
from data.views.noise import key, permutation
from lightning_modules.baselines import BASELINES
from lightning_modules.exams.base import SUBJECT, Exam, Reading, Results, Sitting, Table
from lightning_modules.exams.prompts import Prompts, Template
from lightning_modules.exams.verdicts import Normalisation, calibrated, label_scores
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring.results import Comparison, TestSet

SAMPLES = 5
SAMPLE_CHARACTERS = 500
PER_DRAW = ("accuracy", "macro_f1")


class Prompting(Exam):
    """Settings of `prompting`."""

    exam: Literal["prompting"]
    task: str | None = None
    """Entry of `finetuning` whose classes and examples are used. Exactly one of `task` and `data` is given."""
    data: LabelledConfig | None = None
    """A labelled set of the exam's own."""
    template: str
    """With `{input}` and, after it, `{label}`, such as '{input} In one word, it was {label}.' Causal reading scores the
    label's words alone, so what stands after them is shown in examples only."""
    verbalizer: dict[str, str]
    """Class -> the words that stand for it; all classes, no words twice."""
    shots: int = Field(0, ge=0)
    """Training examples that stand before each question."""
    separator: str = "\n\n"
    """Between examples."""
    draws: int = Field(5, ge=5)
    """With shots: how often other examples are drawn in another order. The exam's figures are means over them."""
    scoring: Reading = "causal"
    normalisation: Normalisation = "tokens"
    """What makes words of unlike length and frequency comparable: `tokens` divides by their number; `unconditional`
    subtracts what they cost after the template with an empty input (PMI, Holtzman et al. 2021, arXiv:2104.08315);
    `none` leaves the sum."""
    content_free: tuple[str, ...] = ()
    """Inputs without content, such as 'N/A': what the network prefers after them is taken out of its answers (Zhao et
    al. 2021, arXiv:2102.09690). Empty: no calibration."""
    examples: Count = Field(500, gt=0)
    """At most so many test examples, drawn by the seed."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.task is None) == (self.data is None):
            raise ValueError("give one of task (an entry of finetuning) and data (a labelled set of its own)")
        Template.parse(self.template)
        words = [text.strip() for text in self.verbalizer.values()]
        if not all(words) or len(set(words)) < len(words):
            raise ValueError(f"verbalizer: every class needs words of its own, got {', '.join(map(repr, words))}")
        if self.data is not None:
            self._check_labels(self.data)
        return self

    @property
    def readings(self) -> frozenset[Reading]:
        """The one that `scoring` names."""
        return frozenset({self.scoring})

    @property
    def labelled(self) -> LabelledSource | None:
        """`data`."""
        return self.data

    def reads(self) -> dict[str, str]:
        """The examples of `task`."""
        return {} if self.task is None else {"examples": f"examples/{self.task}"}

    def settings(self) -> dict[str, Any]:
        """All but `data`, which is the key of the examples."""
        return self.model_dump(mode="json", exclude={"data"})

    def check(self, tasks: Mapping[str, LabelledSource]) -> None:
        """The task is there, and its classes are those of the verbaliser."""
        if self.task is not None:
            self._check_labels(look_up("task of finetuning", self.task, tasks))

    def run(self, sitting: Sitting) -> Results:
        """Answers every test example after every draw of shown ones."""
        folder = sitting.folders["examples"]
        description = TaskDescription.load(folder)
        train, test = read_examples(folder, "train"), read_examples(folder, "test")
        chosen = np.sort(permutation(key(sitting.seed, "test examples"), len(test))[: self.examples])
        test = [test[index] for index in chosen]
        inputs, references = [row["input"] for row in test], [[row["target"]] for row in test]
        shown = _shown(train, self.shots, self.draws if self.shots else 1, sitting.seed)
        answers = {name: self._answers(sitting, name, inputs, shown) for name in sitting.networks}
        majority = BASELINES["majority"](description).answers([(row["input"], row["target"]) for row in train], inputs)
        comparison = Comparison(
            test=TestSet([row["id"] for row in test], [row["group"] for row in test]),
            metrics=[METRICS["choice_accuracy"]("")],
            trained={name: _outputs(own, references) for name, own in answers.items()},
            baselines={"majority": _outputs([majority], references)},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        table, facts = _by_draw(answers, references, description)
        samples = [
            {
                "example_id": test[index]["id"],
                "input": inputs[index][:SAMPLE_CHARACTERS],
                "references": references[index],
                "predictions": {name: own.predictions[index] for name, own in comparison.outputs.items()},
            }
            for index in permutation(key(sitting.seed, "samples"), len(test))[:SAMPLES]
        ]
        return Results(comparison, samples, tables=[table], facts={"scoring": self.scoring, **facts})

    def _answers(
        self, sitting: Sitting, system: str, inputs: Sequence[str], shown: Sequence[Sequence[dict[str, Any]]]
    ) -> list[list[str]]:
        """Returns the class of each test example, draw by draw."""
        labels = list(self.verbalizer)
        trunk = sitting.networks[system]
        prompts = Prompts(
            Template.parse(self.template),
            self.verbalizer,
            self.separator,
            sitting.tokenizer,
            trunk.config.max_positions,
        )
        answers = []
        for rows in shown:
            examples = [(row["input"], row["target"]) for row in rows]
            asked = prompts.questions([*inputs, *self.content_free], examples)
            scores_NK = label_scores(
                trunk, asked, prompts, self.scoring, self.normalisation, sitting.hardware, sitting.reporting(system)
            )
            scores_NK = calibrated(scores_NK[: len(inputs)], scores_NK[len(inputs) :])
            answers.append([labels[label] for label in scores_NK.argmax(1)])
        return answers

    def _check_labels(self, source: LabelledSource) -> None:
        if source.answers != "class":
            raise ValueError("prompting asks for one of several classes, but these answers are free text")
        if set(self.verbalizer) != set(source.labels):
            raise ValueError(
                f"verbalizer has {', '.join(self.verbalizer)}, but the classes are {', '.join(source.labels)}"
            )


def _shown(train: Sequence[dict[str, Any]], shots: int, draws: int, seed: int) -> list[list[dict[str, Any]]]:
    """Returns the examples of each draw: others in each, as long as there are enough."""
    order = permutation(key(seed, "shots"), len(train))
    return [[train[order[(draw * shots + place) % len(order)]] for place in range(shots)] for draw in range(draws)]


def _outputs(answers: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> Outputs:
    """Returns each example's answers of all draws as one prediction: its credit is the share of right ones."""
    return Outputs([json.dumps(own, ensure_ascii=False) for own in zip(*answers, strict=True)], references)


def _by_draw(
    answers: Mapping[str, Sequence[Sequence[str]]], references: Sequence[Sequence[str]], description: TaskDescription
) -> tuple[Table, dict[str, float]]:
    """Returns a row for each system, metric and draw, and the mean and standard deviation over the draws."""
    rows: list[list[str | float]] = []
    facts = {}
    for name in PER_DRAW:
        metric = METRICS[name](description.target_language, description.labels)
        for system, draws in answers.items():
            values = [float(metric.value(metric.statistics(Outputs(own, references)).sum(0))) for own in draws]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            rows.append([name, system, float(np.mean(values)), deviation, min(values), max(values), len(values)])
            if system == SUBJECT:
                facts |= {f"{name}_mean": float(np.mean(values)), f"{name}_sd": deviation}
    columns = ["metric", "system", "mean", "s.d.", "lowest", "highest", "draws"]
    note = "each draw shows other training examples in another order"
    return Table("Over the draws of shown examples", columns, rows, note), facts
