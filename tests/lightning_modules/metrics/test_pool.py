"""Diversity of pools: the figure, and what a text's influence on it is."""

import numpy as np
import pytest
from nltk.util import ngrams
from sacrebleu.metrics import BLEU

from lightning_modules.metrics import METRICS, Outputs, interval

POOLED = ["distinct_1", "distinct_2", "self_bleu"]


def drawn(random: np.random.Generator, texts: int, words: int = 40, longest: int = 9) -> list[str]:
    """Texts of Zipf's words, some of them empty."""
    share = 1 / np.arange(1, words + 1)
    lengths = random.integers(0, longest, texts)
    return [" ".join(f"w{i}" for i in random.choice(words, length, p=share / share.sum())) for length in lengths]


def value(name: str, texts: list[str], language: str = "en") -> float:
    metric = METRICS[name](language)
    return float(metric.value(metric.statistics(Outputs(texts)).sum(0)))


def test_distinct_worked_out_by_hand():
    # a, b, c of six words; a b, b a, b c of four pairs; nothing crosses from text to text
    texts = ["a b a", "b c", "a"]

    assert value("distinct_1", texts) == pytest.approx(100 * 3 / 6)
    assert value("distinct_2", texts) == pytest.approx(100 * 3 / 3)
    assert value("distinct_1", ["我爱你，你爱我。"], "zh") == pytest.approx(100 * 5 / 8)


@pytest.mark.parametrize("order", [1, 2])
def test_distinct_counts_the_n_grams_of_nltk(order: int):
    texts = drawn(np.random.default_rng(order), 50)
    grams = [gram for text in texts for gram in ngrams(text.split(), order)]

    assert value(f"distinct_{order}", texts) == pytest.approx(100 * len(set(grams)) / len(grams), abs=1e-9)


def self_bleu(texts: list[str], tokenize: str) -> list[float]:
    scorer = BLEU(tokenize=tokenize, effective_order=True)
    return [scorer.sentence_score(text, texts[:i] + texts[i + 1 :]).score for i, text in enumerate(texts)]


@pytest.mark.parametrize(("language", "tokenize"), [("en", "13a"), ("zh", "zh")])
def test_self_bleu_is_sacrebleus_with_all_other_texts_as_references(language: str, tokenize: str):
    texts = [*drawn(np.random.default_rng(3), 20), "我爱北京天安门。", "我爱天安门！"]

    assert value("self_bleu", texts, language) == pytest.approx(np.mean(self_bleu(texts, tokenize)), abs=1e-9)


@pytest.mark.parametrize(("texts", "expected"), [(["a b c d"] * 3, 100), (["a b", "c d"], 0), (["a b"], 0), ([""], 0)])
def test_self_bleu_of_equal_of_foreign_and_of_single_texts(texts: list[str], expected: float):
    assert value("self_bleu", texts) == pytest.approx(expected)


def test_influences_on_self_bleu_are_those_of_leaving_each_text_out():
    texts = drawn(np.random.default_rng(7), 16, words=8)
    found = METRICS["self_bleu"]("en").statistics(Outputs(texts))[:, 0]
    whole = sum(self_bleu(texts, "13a"))
    without = np.array([whole - sum(self_bleu(texts[:i] + texts[i + 1 :], "13a")) for i in range(len(texts))])

    np.testing.assert_allclose(found - found.mean(), without - without.mean(), atol=1e-9)


@pytest.mark.parametrize("name", POOLED)
def test_intervals_are_as_wide_as_fresh_pools_differ(name: str):
    random = np.random.default_rng(0)
    metric = METRICS[name]("en")
    pools = [drawn(random, 80) for _ in range(150)]
    spread = np.std([value(name, texts) for texts in pools])
    found = [interval(metric, metric.statistics(Outputs(texts)), 300, seed=1) for texts in pools[:20]]
    widths = [(each.high - each.low) / (2 * 1.96) for each in found]

    # the spread of 150 pools is itself known to 6 %
    assert np.mean(widths) == pytest.approx(spread, rel=0.15)
    assert all(each.low <= each.value <= each.high for each in found)


@pytest.mark.parametrize("name", POOLED)
def test_a_part_of_the_texts_is_a_pool_of_its_own(name: str):
    assert METRICS[name].pooled
    outputs = Outputs(["a b a", "b c", "a"])

    assert outputs.take([0, 2]).predictions == ["a b a", "a"]


def test_repetition_worked_out_by_hand():
    # "a b a b a b": abab baba abab are two of three; the second has no four words
    assert value("repetition", ["a b a b a b", "a a a"]) == pytest.approx(100 * (1 / 3) / 2)
    assert value("repetition", ["好好好好好好好"], "zh") == pytest.approx(100 * 3 / 4)
    assert value("repetition", ["今天天气很好。"], "zh") == 0
