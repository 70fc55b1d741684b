import pytest

from data.constraints import Constraints
from lightning_modules.generation import DecodingConfig, Written
from lightning_modules.generation.answering import chosen, tidy

TEXTS = ["A dog.", "The cat slept well.", "这只猫睡得很好。"]
WRITTEN = [Written([1], -1.0, 1), Written([1, 2], -1.5, 3), Written([1, 2, 3], -8.0, 4)]


def chosen_by(how: str, judged: list[dict[str, float]] | None = None, **asked: object) -> int:
    config = DecodingConfig(samples=3, temperature=1.0, choose=how)
    return chosen(WRITTEN, TEXTS, config, Constraints.of({"constraints": asked}), judged)


def test_the_likeliest_is_so_by_the_token():
    assert chosen_by("first") == 0
    assert chosen_by("likeliest") == 1  # -0.5 a token


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ({"keywords": ["cat"]}, 1),
        ({"keywords": ["猫"]}, 2),
        ({"max_words": 2}, 0),
        ({"min_words": 6}, 2),
        ({}, 1),
        ({"keywords": ["cat"], "min_words": 3, "max_words": 4}, 1),
    ],
)
def test_what_keeps_most_of_what_is_asked_for_is_given_and_of_equals_the_likeliest(asked: dict, best: int):
    assert chosen_by("constraints", **asked) == best


def test_a_judge_chooses_among_what_is_equal_otherwise():
    judged = [{"good": 0.2, "bad": 0.8}, {"good": 0.1, "bad": 0.9}, {"good": 0.7, "bad": 0.3}]

    assert chosen_by("constraints", judged, sentiment="good") == 2
    assert chosen_by("constraints", judged, sentiment="bad") == 1
    assert chosen_by("constraints", judged, sentiment="good", keywords=["dog"]) == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [(" word ", "word"), ("\n    return 1\n", "    return 1"), ("你好 ", "你好"), (" ", "")],
)
def test_an_answer_keeps_its_indentation_and_loses_the_space_of_its_first_word(text: str, kept: str):
    assert tidy(text) == kept
