import math

import numpy as np
import pytest

from data.examples import TaskDescription
from data.shards import Shards
from data.vocabulary import SPECIALS
from lightning_modules.baselines import BASELINES
from lightning_modules.baselines.unigram import unigram_nll

FIRST = SPECIALS.count


def answers(name: str, inputs: list[str], train: list[tuple[str, str]], language: str = "en") -> list[str]:
    description = TaskDescription(answers="text", labels=[], language=language, target_language=language)
    return BASELINES[name](description).answers(train, inputs)


def test_majority_is_the_most_frequent_class_and_of_equals_the_first():
    assert answers("majority", ["x", "y"], [("a", "no"), ("b", "yes"), ("c", "yes")]) == ["yes", "yes"]
    assert answers("majority", ["x"], [("a", "yes"), ("b", "no")]) == ["no"]


@pytest.mark.parametrize(
    ("language", "good", "bad", "test"),
    [
        ("en", "fine fun film", "dull long film", ["fun film", "long film"]),
        ("zh", "很好看", "不喜欢", ["真好看", "不太喜欢"]),
    ],
)
def test_tfidf_learns_the_words_of_each_class(language: str, good: str, bad: str, test: list[str]):
    assert answers("tfidf", test, [(good, "good"), (bad, "bad")] * 5, language) == ["good", "bad"]


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("It rained. Then it stopped.", "It rained."),
        ('  "Stop!" he said. Then he ran.', '"Stop!"'),
        ("Prices rose 3.5 percent. More later.", "Prices rose 3.5 percent."),
        ("A headline\nThen text.", "A headline"),
        ("no end at all", "no end at all"),
        ("下雨了。后来停了。", "下雨了。"),
        ("", ""),
    ],
)
def test_lead_sentence_is_the_first(text: str, lead: str):
    assert answers("lead_sentence", [text], []) == [lead]


def test_lead_words_are_as_many_as_the_median_answer_has():
    train = [("x", "one two"), ("x", "one two three"), ("x", "one two three four five")]

    assert answers("lead_words", ["a b  c d"], train) == ["a b c"]
    assert answers("lead_words", ["今天天气"], [("x", "雨天")], "zh") == ["今天"]


def test_copy_source_copies():
    assert answers("copy_source", ["Save", "打开"], []) == ["Save", "打开"]


def shards(documents: list[list[int]], vocab_size: int) -> Shards:
    tokens = np.array([token for document in documents for token in document], np.uint16)
    offsets = np.cumsum([0, *map(len, documents)])
    return Shards(tokens, offsets, np.diff(offsets), vocab_size, "")


def test_unigram_adds_one_to_every_count_and_scores_eos():
    train = shards([[FIRST, FIRST, FIRST + 1], [FIRST]], vocab_size=FIRST + 3)
    test = shards([[FIRST, FIRST + 2], []], vocab_size=FIRST + 3)

    # counts + 1: 4, 2, 1 and eos 3, of 10
    expected = [-math.log(0.4) - math.log(0.1) - math.log(0.3), -math.log(0.3)]
    assert unigram_nll(train, test) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("language", "train", "asked", "answer"),
    [
        ("en", [("what is a cat", "an animal"), ("what is a plum", "a fruit")], "tell me what a plum is", "a fruit"),
        ("zh", [("猫是什么", "动物"), ("李子是什么", "水果")], "请问李子呢", "水果"),
        ("en", [("a", "first"), ("b", "second")], "nothing in common", "first"),
    ],
)
def test_nearest_says_what_was_said_to_the_input_most_alike(language: str, train: list, asked: str, answer: str):
    assert answers("nearest", [asked, train[1][0]], train, language) == [answer, train[1][1]]
