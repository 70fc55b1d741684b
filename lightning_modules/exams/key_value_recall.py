"""Exam `key_value_recall`: told that a key has a value, does the network know it some way further on?

The text is made up: pairs of a key and a value, then held-out text, then one of the keys; the network chooses among the
values. Keys and values are frequent words of the corpus, paired by the seed, so nothing but the text tells which goes
with which. The distance is counted from the value to the place where it is asked for again, in tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.packing import Ints
from data.shards import Shards
from data.views.noise import key
from data.vocabulary import Vocabulary
from lightning_modules.exams.base import Curve, Exam, Reading, Results, Sitting
from lightning_modules.exams.groups import by_group, group_table
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.choice import best_of
from lightning_modules.scoring.candidates import candidate_nll
from lightning_modules.scoring.language_model import open_test
from lightning_modules.scoring.results import Comparison, TestSet

FREQUENT = 512
"""Keys and values are among so many most frequent tokens that begin a word."""
SAMPLES = 3


@dataclass(frozen=True)
class Question:
    """A text of pairs, filler and a key, and the values to choose from."""

    distance: int
    context: Ints
    values: Ints
    right: int
    """Number of the value that belongs to the key."""


class KeyValueRecall(Exam):
    """Settings of `key_value_recall`."""

    exam: Literal["key_value_recall"]
    pairs: int = Field(4, ge=2)
    """Keys with a value in each text; chance is one in so many."""
    distances: tuple[int, ...] | None = None
    """Tokens; null: 16, 32, 64, ... as far as the trained length reaches."""
    questions: int = Field(100, gt=0)
    """At each distance."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Causal only."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The tokens: train for which are frequent, test for what stands between."""
        return {"tokens": "tokens"}

    def run(self, sitting: Sitting) -> Results:
        """Asks for the value at every distance.

        Raises:
            ValueError: the test split is empty, or a distance cannot be had.
        """
        tokens = sitting.folders["tokens"]
        test, train = open_test(tokens), Shards.open(tokens, "train")
        frequent = frequent_words(train, sitting.tokenizer.vocabulary)
        asked = [
            question
            for distance in self._distances(sitting.sequence_length)
            for question in self.questions_at(distance, frequent, test.tokens, sitting.seed)
        ]
        pieces = sitting.tokenizer.pieces
        references = [[pieces[question.values[question.right]]] for question in asked]
        trained = {}
        for name, trunk in sitting.networks.items():
            found = candidate_nll(
                trunk,
                [question.context for question in asked],
                [[np.array([value]) for value in question.values] for question in asked],
                sitting.hardware,
                sitting.reporting(name),
            )
            best = [
                best_of({pieces[value]: -float(nll[0]) for value, nll in zip(question.values, own, strict=True)})
                for question, own in zip(asked, found, strict=True)
            ]
            trained[name] = Outputs(predictions=best, references=references)
        comparison = Comparison(
            test=TestSet(
                [f"{question.distance}:{number}" for number, question in enumerate(asked)],
                [str(question.distance) for question in asked],
            ),
            metrics=[METRICS["choice_accuracy"]("")],
            trained=trained,
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        samples = [
            {
                "example_id": comparison.test.ids[number],
                "input": sitting.tokenizer.decode(asked[number].context.tolist()),
                "references": references[number],
                "predictions": {name: own.predictions[number] for name, own in trained.items()},
            }
            for number in range(0, len(asked), max(1, len(asked) // SAMPLES))
        ]
        return Results(
            comparison,
            samples,
            tables=[group_table(comparison, "Recall by distance", "distance")],
            curves=[_curve(comparison, 100 / self.pairs)],
            facts={"chance": 100 / self.pairs},
        )

    def questions_at(
        self, distance: int, frequent: Ints, filler: NDArray[np.unsignedinteger], seed: int
    ) -> list[Question]:
        """Returns the questions of one distance; the asked pair is at every place of the list in turn.

        Args:
            frequent: tokens to make keys and values of.
            filler: tokens of held-out text.
        """
        made = []
        for number in range(self.questions):
            random = np.random.default_rng(int(key(seed, "recall", distance, number)[0]))
            asked = number % self.pairs
            between = distance - 2 * (self.pairs - asked)  # what is left after the pairs that follow, and the key
            start = int(random.integers(max(1, len(filler) - between)))
            text = np.resize(filler[start : start + between] if between else filler[:0], between).astype(np.int64)
            words = random.permutation(np.setdiff1d(frequent, text))[: 2 * self.pairs]
            if len(words) < 2 * self.pairs:
                raise ValueError(f"pairs {self.pairs}: the corpus has too few frequent words for so many; lower it")
            keys, values = words[::2], words[1::2]
            context = np.concatenate([np.stack([keys, values], axis=1).reshape(-1), text, keys[[asked]]])
            made.append(Question(distance, context, values, asked))
        return made

    def _distances(self, length: int) -> tuple[int, ...]:
        shortest, longest = 2 * self.pairs, length - 2 * self.pairs
        wanted = self.distances or tuple(
            distance for power in range(4, 31) if shortest <= (distance := 2**power) <= longest
        )
        if outside := [distance for distance in wanted if not shortest <= distance <= longest]:
            raise ValueError(
                f"distances: {', '.join(map(str, outside))} cannot be had with {self.pairs} pairs in {length} "
                f"positions, only {shortest} to {longest}"
            )
        return wanted or (longest,)


def frequent_words(train: Shards, vocabulary: Vocabulary) -> Ints:
    """Returns the most frequent tokens that begin a word, ascending."""
    counts_V = np.bincount(train.tokens, minlength=vocabulary.size) * (vocabulary.word_start & ~vocabulary.is_special)
    order = np.argsort(-counts_V, kind="stable")[:FREQUENT]
    return np.sort(order[counts_V[order] > 0])


def _curve(comparison: Comparison, chance: float) -> Curve:
    lines = {
        system: [
            (float(distance), values[system].value, values[system].low, values[system].high)
            for distance, values in by_group(comparison).items()
        ]
        for system in comparison.outputs
    }
    first = next(iter(lines.values()))
    lines["chance"] = [(distance, chance, chance, chance) for distance, *_ in first]
    return Curve("Recall by distance", "distance, tokens", "right, percent", lines)
