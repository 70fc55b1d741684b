from collections.abc import Callable

import numpy as np
import pytest

from data.dedup.sketch import BINS, Sketches, similarity
from data.ngrams import ngram_hashes
from data.text.words import word_hashes
from tests.data.dedup.conftest import exact_pairs, families, sketches_of


def sentence(start: int, words: int = 120) -> str:
    return " ".join(f"w{number}" for number in range(start, start + words))


def test_ngram_hashes_are_equal_exactly_where_the_words_are() -> None:
    grams = ngram_hashes(word_hashes(["a", "b", "c", "a", "b", "d"]), 2)

    assert len(grams) == 5
    assert grams[0] == grams[3]
    assert len(np.unique(grams)) == 4
    assert len(ngram_hashes(word_hashes(["a"]), 2)) == 0


@pytest.mark.parametrize("shared", [40, 80, 110])
def test_sketch_estimates_jaccard(sign: Callable[..., Sketches], shared: int) -> None:
    exact = (shared - 4) / (2 * 116 - (shared - 4))  # of 116 shingles each, shared - 4 are common
    estimates = [
        similarity(sign(sentence(start)), sign(sentence(start + 120 - shared)))[0] for start in range(0, 4000, 1000)
    ]

    assert np.mean(estimates) == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_estimate_spreads_less_than_that_of_128_permutations(language: str) -> None:
    documents = families(language, 900, copies=2, seed=3)
    pairs = {pair: exact for pair, exact in exact_pairs(documents, 0.7).items() if exact <= 0.9}
    sketches = sketches_of(documents)
    one, two = (sketches[[pair[side] for pair in pairs]] for side in (0, 1))
    errors = similarity(one, two) - np.array(list(pairs.values()))

    assert len(pairs) > 200
    assert abs(errors.mean()) < 0.003
    assert errors.std() < 0.5 * np.sqrt(0.8 * 0.2 / 128)


def test_sketch_of_a_batch_equals_that_of_each_alone(sign: Callable[..., Sketches]) -> None:
    texts = (sentence(0), "too short", "语言模型从文本中学习", "", sentence(7))

    np.testing.assert_array_equal(sign(*texts), np.concatenate([sign(text) for text in texts]))


def test_every_shingle_fills_a_bin_and_no_other_is_filled(sign: Callable[..., Sketches]) -> None:
    filled = (sign("a b c d e", "a b c d e f", "a b", "", sentence(0, 50_000)) > 0).sum(axis=1)

    assert filled.tolist() == [1, 2, 1, 0, BINS]


def test_texts_without_words_are_like_nothing(sign: Callable[..., Sketches]) -> None:
    assert similarity(sign(""), sign("")).tolist() == [0.0]


def test_signatures_are_these_for_ever(sign: Callable[..., Sketches]) -> None:
    """Earlier corpora keep theirs: other values would make their documents unlike themselves."""
    [found] = sign("one two three four five six")

    assert {int(place): int(found[place]) for place in np.flatnonzero(found)} == {58: 174, 378: 216}
