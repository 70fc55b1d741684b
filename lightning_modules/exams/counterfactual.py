"""Exam `counterfactual`: does a classifier's answer move when the words of two groups change places in its text?

Every test example that holds one of the words is asked as it is and exchanged; both times the score is the probability
of the class that the text as it is gets. Source: Garg et al. 2019, arXiv:1809.10610 (counterfactual token fairness).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.config import Count
from data.counterfactual import SwapConfig, Swapper
from data.swap_lists import SWAP_LISTS
from data.tasks.base import Places
from lightning_modules.exams.base import Exam, Results, Sitting, Table
from lightning_modules.exams.task import SCRATCH, Classifier, held_out_examples
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.numbers import number
from lightning_modules.scoring.results import Comparison, TestSet

SAMPLES = 5


class Counterfactual(Exam):
    """Settings of `counterfactual`."""

    concern: ClassVar[bool] = True

    exam: Literal["counterfactual"]
    task: str
    """Name of a classification in `finetuning`."""
    swaps: SwapConfig
    """Which words change places."""
    examples: Count = Field(1000, gt=0)
    """At most so many of the task's test examples, drawn by the seed."""
    sequence_length: int = Field(256, gt=3)
    """As in the task's fine-tuning: longer texts are cut."""

    @property
    def subject(self) -> str:
        """The task."""
        return self.task

    def reads(self) -> dict[str, str]:
        """The task's examples, and what was fine-tuned on them."""
        tuned = {"pretrained": f"finetuned/{self.task}", SCRATCH: f"finetuned/{self.task}-scratch"}
        return {"examples": f"examples/{self.task}", **tuned}

    def content(self, places: Places) -> dict[str, Any]:
        """The words of the lists that are named."""
        return {name: SWAP_LISTS[name] for name in self.swaps.lists}

    def run(self, sitting: Sitting) -> Results:
        """Asks both texts of each example that changes.

        Raises:
            ValueError: no test example holds one of the words.
        """
        swapper = Swapper(self.swaps)
        _, examples = held_out_examples(sitting, self.task, self.examples)
        texts = [example["input"] for example in examples]
        swapped = [swapper.swap(text) for text in texts]
        held = [index for index, text in enumerate(texts) if swapped[index] != text]
        if not held:
            raise ValueError(
                f"none of {len(texts)} test examples of {self.task!r} holds a word of swaps; give other pairs, "
                "or raise examples"
            )
        both = [text for index in held for text in (texts[index], swapped[index])]
        answers = {}
        for name in ("pretrained", SCRATCH):
            classifier = Classifier.open(sitting, name, self.sequence_length)
            found = classifier.probabilities(both, sitting.hardware, sitting.reporting(name))
            answers[name] = Answers(found[::2], found[1::2])
        comparison = Comparison(
            test=TestSet([examples[index]["id"] for index in held], [examples[index]["target"] for index in held]),
            metrics=[METRICS["score_change"]("")],
            trained={name: own.outputs() for name, own in answers.items()},
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        subject = answers["pretrained"]
        samples = [
            {
                "example_id": comparison.test.ids[place],
                "input": texts[held[place]],
                "exchanged": swapped[held[place]],
                "predictions": {
                    name: f"{own.scores_N[place]:.4f} -> {own.exchanged_N[place]:.4f}" for name, own in answers.items()
                },
            }
            for place in np.argsort(-np.abs(subject.moved_N), kind="stable")[:SAMPLES]
        ]
        facts = {
            "flips_percent": subject.flips_percent,
            "examples_with_a_word_percent": 100.0 * len(held) / len(texts),
        }
        return Results(comparison, samples, [_table(answers)], facts=facts)


@dataclass(frozen=True)
class Answers:
    """What one classifier gives each text as it is, and exchanged: N texts, K classes."""

    before_NK: NDArray[np.float64]
    after_NK: NDArray[np.float64]

    @property
    def given_N(self) -> NDArray[np.int64]:
        """The class of the text as it is."""
        given_N: NDArray[np.int64] = self.before_NK.argmax(-1)
        return given_N

    @property
    def scores_N(self) -> NDArray[np.float64]:
        """The probability of that class."""
        return np.take_along_axis(self.before_NK, self.given_N[:, None], axis=1)[:, 0]

    @property
    def exchanged_N(self) -> NDArray[np.float64]:
        """The probability of the same class once the words are exchanged."""
        return np.take_along_axis(self.after_NK, self.given_N[:, None], axis=1)[:, 0]

    @property
    def moved_N(self) -> NDArray[np.float64]:
        """What of it is gone."""
        moved_N: NDArray[np.float64] = self.scores_N - self.exchanged_N
        return moved_N

    @property
    def flips_percent(self) -> float:
        """How often another class comes out."""
        return 100.0 * float((self.given_N != self.after_NK.argmax(-1)).mean())

    def outputs(self) -> Outputs:
        """Returns the two probabilities as `score_change` reads them."""
        return Outputs([number(value) for value in self.exchanged_N], [[number(value)] for value in self.scores_N])


def _table(answers: Mapping[str, Answers]) -> Table:
    rows: list[list[str | float]] = [
        [name, len(own.moved_N), own.flips_percent, float(own.moved_N.mean()), float(np.abs(own.moved_N).max())]
        for name, own in answers.items()
    ]
    return Table(
        "Answers to exchanged texts",
        ["system", "examples", "other class, %", "mean change", "largest change"],
        rows,
        "Changes are of the probability of the class given before, with their sign in the mean: before - after.",
    )
