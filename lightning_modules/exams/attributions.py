"""Exam `attributions`: on which tokens do a model's answers rest?

Integrated gradients (see `lightning_modules/attribution.py`) take apart the log-probability of the class that a
classifier gives, or of the last token of a text that a base model reads. Two checks stand beside: completeness, that
the parts add up to what is explained, and whether a network with random weights gives other parts, without which they
say something of the text and nothing of the model (Adebayo et al. 2018, arXiv:1810.03292).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.stats import spearmanr

from data.shards import Shards
from data.views.noise import key, permutation
from data.vocabulary import SPACE
from lightning_modules.attribution import Attribution
from lightning_modules.exams.base import UNTRAINED, Exam, Reading, Results, Sitting, Table
from lightning_modules.exams.explained import Explained, of_base_model, of_classifier
from lightning_modules.exams.task import Classifier, held_out_examples
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.numbers import number
from lightning_modules.scoring.results import Comparison, TestSet

TOLERANCE = 5.0
"""Percent of what is explained that the parts of a text may miss."""
SAMPLES = 8
_FEWEST = 4
"""Tokens of a text whose order can be compared."""


@dataclass(frozen=True)
class Part:
    """One text taken apart."""

    id: str
    explained: Explained
    trained: Attribution
    untrained: Attribution

    @property
    def error(self) -> float:
        """Percent of what is explained that the parts miss."""
        change = self.trained.score - self.trained.baseline
        return 100 * abs(self.trained.explained - change) / abs(change) if change else 0.0


class Attributions(Exam):
    """Settings of `attributions`."""

    concern: ClassVar[bool] = True

    exam: Literal["attributions"]
    task: str | None = None
    """Name of a classification in `finetuning`; null: the base model's next token."""
    texts: int = Field(20, gt=0)
    """Test texts that are taken apart, drawn by the seed."""
    length: int = Field(48, gt=1)
    """Tokens of a text, at most."""
    steps: int = Field(64, gt=1)
    """Samples of the path from the baseline to the text."""
    baseline: Literal["mask", "pad"] = "mask"
    """The token that stands for nothing in every place."""

    @property
    def readings(self) -> frozenset[Reading]:
        """From left to right, where the base model is asked."""
        return frozenset() if self.task else frozenset({"causal"})

    @property
    def subject(self) -> str | None:
        """The task, if there is one."""
        return self.task

    def reads(self) -> dict[str, str]:
        """The task's examples and classifier, or the tokens of the training."""
        if self.task is None:
            return {"tokens": "tokens"}
        return {"examples": f"examples/{self.task}", "pretrained": f"finetuned/{self.task}"}

    def run(self, sitting: Sitting) -> Results:
        """Takes every text apart, by the trained network and by one with random weights."""
        parts, report = [], sitting.reporting("pretrained")
        asked = self._of_base(sitting) if self.task is None else self._of_task(sitting, self.task)
        for done, (text_id, explained) in enumerate(asked.items(), start=1):
            trained, untrained = (explained.take_apart(by, self.baseline, self.steps) for by in explained.networks)
            parts.append(Part(text_id, explained, trained, untrained))
            report(done, len(asked))
        comparison = Comparison(
            test=TestSet([part.id for part in parts], [part.explained.answer for part in parts]),
            metrics=[METRICS["completeness_error"]("")],
            trained={
                "pretrained": Outputs(
                    [number(part.trained.explained) for part in parts],
                    [[number(part.trained.score - part.trained.baseline)] for part in parts],
                )
            },
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        within = np.mean([part.error <= TOLERANCE for part in parts])
        facts: dict[str, float | str] = {
            f"texts_within_{TOLERANCE:g}_percent": 100 * float(within),
            "steps": self.steps,
        }
        if agreeing := _agreement(parts):
            facts["correlation_with_untrained"] = float(np.mean(agreeing))
        samples = [
            {
                "example_id": part.id,
                "answer": part.explained.answer,
                "tokens": _tokens(sitting, part),
                "missing_percent": part.error,
            }
            for part in parts[:SAMPLES]
        ]
        return Results(comparison, samples, [_table(sitting, parts)], facts=facts)

    def _of_task(self, sitting: Sitting, task: str) -> dict[str, Explained]:
        labels, examples = held_out_examples(sitting, task, self.texts)
        classifier = Classifier.open(sitting, "pretrained", self.length + 2)
        untrained = classifier.untrained(sitting.seed)
        inputs = classifier.encode([example["input"] for example in examples])
        return {
            example["id"]: of_classifier((classifier, untrained), ids, labels)
            for example, ids in zip(examples, inputs, strict=True)
        }

    def _of_base(self, sitting: Sitting) -> dict[str, Explained]:
        shards = Shards.open(sitting.folders["tokens"], "test")
        long = np.flatnonzero(np.diff(shards.offsets) > 1)
        chosen = np.sort(long[permutation(key(sitting.seed, "attributions"), len(long))[: self.texts]])
        if not len(chosen):
            raise ValueError("no document of the test split has two tokens; raise its fraction in corpus.split")
        length = min(self.length, sitting.sequence_length)
        subject = next(iter(sitting.networks.values()))
        networks = (subject, sitting.networks[UNTRAINED])
        texts = {f"test:{number}": shards.document(number)[:length].astype(np.int64) for number in chosen}
        return {name: of_base_model(networks, ids, sitting.tokenizer) for name, ids in texts.items()}


def _agreement(parts: list[Part]) -> list[float]:
    """Rank correlations of the tokens' sizes between the trained and the random network, where there are enough."""
    sizes = [
        tuple(np.abs(by.values_T[part.explained.shown]) for by in (part.trained, part.untrained))
        for part in parts
        if len(part.explained.ids) >= _FEWEST
    ]
    found = [float(spearmanr(*pair).statistic) for pair in sizes if all(np.ptp(own) > 0 for own in pair)]
    return [value for value in found if np.isfinite(value)]


def _tokens(sitting: Sitting, part: Part) -> list[list[Any]]:
    """Returns [text of the token, what it brings about] for each."""
    pieces = [sitting.tokenizer.pieces[token].replace(SPACE, " ") for token in part.explained.ids]
    return [
        [text, float(value)] for text, value in zip(pieces, part.trained.values_T[part.explained.shown], strict=True)
    ]


def _table(sitting: Sitting, parts: list[Part]) -> Table:
    rows = [
        [part.id[:16], part.explained.answer, place, text, value]
        for part in parts
        for place, (text, value) in enumerate(_tokens(sitting, part))
    ]
    note = "Nats of log-probability that a token brings about, against a text of which nothing is known."
    return Table("Attributions", ["text", "answer", "place", "token", "nats"], rows, note)
