"""Exam `counterfactual`: does a classifier's answer move when the words of two groups change places in its text?

Every test example that holds one of the words is asked as it is and exchanged; both times the score is the probability
of the class that the text as it is gets. Source: Garg et al. 2019, arXiv:1809.10610 (counterfactual token fairness).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
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
        trained, flips, moved = {}, {}, {}
        for name in ("pretrained", SCRATCH):
            classifier = Classifier.open(sitting, name, self.sequence_length)
            both = [text for index in held for text in (texts[index], swapped[index])]
            found = classifier.probabilities(both, sitting.hardware, sitting.reporting(name))
            before_NK, after_NK = found[::2], found[1::2]
            given_N = before_NK.argmax(-1)
            rows = np.arange(len(held))
            score_N, moved_to_N = before_NK[rows, given_N], after_NK[rows, given_N]
            trained[name] = Outputs([number(score) for score in moved_to_N], [[number(score)] for score in score_N])
            flips[name] = given_N != after_NK.argmax(-1)
            moved[name] = score_N - moved_to_N
        comparison = Comparison(
            test=TestSet([examples[index]["id"] for index in held], [examples[index]["target"] for index in held]),
            metrics=[METRICS["score_change"]("")],
            trained=trained,
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        rows = [
            [name, len(held), 100.0 * flips[name].mean(), float(moved[name].mean()), float(np.abs(moved[name]).max())]
            for name in trained
        ]
        table = Table(
            "Answers to exchanged texts",
            ["system", "examples", "other class, %", "mean change", "largest change"],
            rows,
            "Changes are of the probability of the class given before, with their sign in the mean: before - after.",
        )
        worst = np.argsort(-np.abs(moved["pretrained"]), kind="stable")[:SAMPLES]
        samples = [
            {
                "example_id": comparison.test.ids[place],
                "input": texts[held[place]],
                "exchanged": swapped[held[place]],
                "predictions": {
                    name: f"{trained[name].references[place][0][:6]} -> {trained[name].predictions[place][:6]}"
                    for name in trained
                },
            }
            for place in worst
        ]
        facts = {"flips_percent": rows[0][2], "examples_with_a_word_percent": 100.0 * len(held) / len(texts)}
        return Results(comparison, samples, [table], facts=facts)
