"""Documents with edits whose exact similarity is known."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.dedup import signatures
from data.dedup.sketch import Sketches
from data.language import split_words
from data.ngrams import ngram_hashes
from data.text.words import word_hashes

SHINGLE = 5
Words = list[str]


def vocabulary(language: str) -> Words:
    """3,000 words, or as many characters."""
    if language == "zh":
        return [chr(0x4E00 + 7 * number) for number in range(2_500)]
    return [f"{first}{middle}{last}" for first in "bdfgklmnprst" for middle in "aeiou" for last in range(50)]


def edited(words: Words, share: float, known: Words, draw: random.Random) -> Words:
    """Replaces, leaves out or doubles about this share of the words, here and there."""
    result: Words = []
    for word in words:
        kind = draw.choice(("replace", "leave out", "double")) if draw.random() < share else "keep"
        result += {"keep": [word], "replace": [draw.choice(known)], "leave out": [], "double": [word, word]}[kind]
    return result


def families(language: str, documents: int, copies: int, seed: int) -> list[Words]:
    """Originals of very different lengths with frequent and rare words, each with edited copies behind it."""
    draw = random.Random(seed)
    known = vocabulary(language)
    made = []
    for _ in range(documents // (copies + 1)):
        length = int(draw.lognormvariate(5.3, 0.8)) + 20
        words = [known[int(len(known) * draw.random() ** 2)] for _ in range(length)]
        made += [words, *(edited(words, draw.uniform(0.0, 0.08), known, draw) for _ in range(copies))]
    return made


def shingles(words: Words) -> set[int]:
    hashes = word_hashes(words)
    return set(ngram_hashes(hashes, min(SHINGLE, len(hashes))).tolist())


def exact_pairs(documents: list[Words], least: float) -> dict[tuple[int, int], float]:
    """Exact Jaccard similarity of all pairs that have at least so much, found through the shingles they share."""
    sets = [shingles(words) for words in documents]
    owners: dict[int, list[int]] = {}
    for number, found in enumerate(sets):
        for shingle in found:
            owners.setdefault(shingle, []).append(number)
    common: dict[tuple[int, int], int] = {}
    for sharing in owners.values():
        for place, one in enumerate(sharing):
            for two in sharing[place + 1 :]:
                common[one, two] = common.get((one, two), 0) + 1
    similar = {pair: count / (len(sets[pair[0]]) + len(sets[pair[1]]) - count) for pair, count in common.items()}
    return {pair: value for pair, value in similar.items() if value >= least}


def sketches_of(documents: list[Words]) -> Sketches:
    hashes: list[NDArray[np.uint64]] = [word_hashes(words) for words in documents]
    return signatures(np.concatenate([np.empty(0, np.uint64), *hashes]), np.cumsum([0, *map(len, hashes)]), SHINGLE)


@pytest.fixture
def sign() -> Callable[..., Sketches]:
    """Sketches of texts."""
    return lambda *texts: sketches_of([split_words(text) for text in texts])
