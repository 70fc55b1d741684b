import hashlib

import numpy as np
import pytest

from data.dedup import exact_keys, signatures, survivors
from data.dedup.near import PERMUTATIONS, band_rows
from data.language import split_words
from data.ngrams import ngram_hashes
from data.text import TextColumn
from data.text.words import word_hashes


def sign(*texts: str) -> np.ndarray:
    return signatures([word_hashes(split_words(text)) for text in texts], shingle_words=5)


def sentence(start: int, words: int = 120) -> str:
    return " ".join(f"w{number}" for number in range(start, start + words))


def test_exact_key_ignores_case_and_white_space_only() -> None:
    texts = [
        "The cat\n sat",
        "the CAT sat ",
        "语言 模型",
        "语言模型",
        "The cat sat.",
        "STRASSE",
        "Straße",
        "ὈΔΟΣ",
        "ὀδος",
    ]
    keys = exact_keys(TextColumn(texts))

    assert keys == [hashlib.sha256("".join(text.casefold().split()).encode()).digest() for text in texts]
    assert [keys.index(key) for key in keys] == [0, 0, 2, 2, 4, 5, 5, 7, 7]


def test_ngram_hashes_are_equal_exactly_where_the_words_are() -> None:
    grams = ngram_hashes(word_hashes(["a", "b", "c", "a", "b", "d"]), 2)

    assert len(grams) == 5
    assert grams[0] == grams[3]
    assert len(np.unique(grams)) == 4
    assert len(ngram_hashes(word_hashes(["a"]), 2)) == 0


@pytest.mark.parametrize("shared", [40, 80, 110])
def test_signature_estimates_jaccard(shared: int) -> None:
    first, second = sign(sentence(0), sentence(120 - shared))
    exact = (shared - 4) / (2 * 116 - (shared - 4))  # of 116 shingles each, shared - 4 are common

    assert abs((first == second).mean() - exact) < 3 * np.sqrt(exact * (1 - exact) / PERMUTATIONS)


def test_signature_of_a_batch_equals_that_of_each_alone() -> None:
    texts = (sentence(0), "too short", "语言模型从文本中学习", sentence(7))

    np.testing.assert_array_equal(sign(*texts), np.concatenate([sign(text) for text in texts]))


def test_text_without_words_has_a_signature() -> None:
    assert sign("", "a b c d e f").shape == (2, PERMUTATIONS)


def test_six_rows_a_band_find_a_pair_at_the_threshold() -> None:
    assert band_rows(0.8) == 6
    assert (1 - 0.8**6) ** (PERMUTATIONS // 6) < 0.01 < (1 - 0.8**7) ** (PERMUTATIONS // 7)


def test_first_of_a_cluster_survives() -> None:
    chinese = "".join(chr(0x4E00 + 7 * number) for number in range(200))
    texts = [sentence(1000), sentence(0), chinese, sentence(2), chinese + "完", sentence(1)]

    assert survivors(sign(*texts), 0.8).tolist() == [0, 1, 2, 1, 2, 1]


def test_nothing_to_compare() -> None:
    assert survivors(np.empty((0, PERMUTATIONS), dtype=np.uint32), 0.8).tolist() == []
    assert survivors(sign(sentence(0)), 0.8).tolist() == [0]
