"""An artificial language in which verbs agree with their subject, and not with the noun nearest to them.

    sentence = the adjective* noun [preposition the adjective? noun] verb .

Number is marked on nouns and verbs; the phrase in the middle has a number of its own, so whoever goes by the nearest
noun is wrong in half of the sentences that have one. A text is sentences in a row, cut off at its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.made_up import write_artifacts
from data.vocabulary import SPACE, SPECIALS

NOUNS = VERBS = 14
ADJECTIVES, PREPOSITIONS = 8, 3
WORDS = [
    "the",
    ".",
    *(f"near{index}" for index in range(PREPOSITIONS)),
    *(f"big{index}" for index in range(ADJECTIVES)),
    *(f"dog{index}{plural}" for index in range(NOUNS) for plural in ("", "s")),
    *(f"run{index}{singular}" for index in range(VERBS) for singular in ("s", "")),
]
"""The form for one stands right before the form for many."""
IDS = {word: SPECIALS.count + index for index, word in enumerate(WORDS)}
VOCABULARY = SPECIALS.count + len(WORDS)


@dataclass(frozen=True)
class Sentence:
    """A sentence that agrees."""

    ids: tuple[int, ...]
    verb: int
    """Where in it the verb stands."""

    @property
    def disagreeing(self) -> tuple[int, ...]:
        """The same sentence with the other form of its verb."""
        form = self.ids[self.verb]
        other = form + 1 if (form - IDS["run0s"]) % 2 == 0 else form - 1
        return (*self.ids[: self.verb], other, *self.ids[self.verb + 1 :])


def sentence(random: Random) -> Sentence:
    """Draws one."""
    many = random.randrange(2)
    subject = _noun_phrase(random, many, adjectives=random.randrange(3))
    if random.random() < 0.5:
        preposition = IDS["near0"] + random.randrange(PREPOSITIONS)
        subject += [preposition, *_noun_phrase(random, random.randrange(2), adjectives=random.randrange(2))]
    verb = IDS["run0s"] + 2 * random.randrange(VERBS) + many
    return Sentence((*subject, verb, IDS["."]), verb=len(subject))


def _noun_phrase(random: Random, many: int, adjectives: int) -> list[int]:
    described = [IDS["big0"] + random.randrange(ADJECTIVES) for _ in range(adjectives)]
    return [IDS["the"], *described, IDS["dog0"] + 2 * random.randrange(NOUNS) + many]


def text(random: Random, length: int, told: set[tuple[int, ...]]) -> list[int]:
    """Draws a text of exactly so many words; notes in `told` the sentences in it that are whole."""
    ids: list[int] = []
    while len(ids) < length:
        drawn = sentence(random).ids
        if len(ids) + len(drawn) <= length:
            told.add(drawn)
        ids += drawn
    return ids[:length]


def pairs(random: Random, told: set[tuple[int, ...]]) -> Iterator[Sentence]:
    """Draws sentences without end, each once, and none that has been told."""
    seen = set(told)
    while True:
        drawn = sentence(random)
        if drawn.ids not in seen:
            seen.add(drawn.ids)
            yield drawn


def write_language(folder: Path, texts: int, length: int, seed: int = 0) -> set[tuple[int, ...]]:
    """Writes texts as artifacts that a stage reads, a row each; returns the sentences told in them."""
    random, told = Random(seed), set[tuple[int, ...]]()
    documents = [np.array(text(random, length, told)) for _ in range(texts)]
    write_artifacts(folder, [SPACE + word for word in WORDS], {"train": documents, "validation": documents[:64]})
    return told
