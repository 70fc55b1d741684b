"""Metrics that run, count or check what was written."""

import itertools
import math

import numpy as np
import pytest

from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.last_number import last_number
from lightning_modules.metrics.programs import pass_at_k

ADD = {"tests": "assert add(1, 2) == 3", "before": ""}
RIGHT, WRONG = "def add(a, b):\n    return a + b", "def add(a, b):\n    return a"
FILMS = {
    "schema": "CREATE TABLE 电影 (名 TEXT, 年 INTEGER)",
    "rows": "INSERT INTO 电影 VALUES ('活着', 1994), ('无间道', 2002)",
}


def value(name: str, outputs: Outputs, language: str = "en") -> float:
    metric = METRICS[name](language)
    return float(metric.value(metric.statistics(outputs).sum(0)))


@pytest.mark.parametrize(
    ("drawn", "passing", "k", "expected"), [(5, 0, 5, 0.0), (5, 1, 1, 0.2), (5, 2, 3, 0.9), (4, 1, 9, 1.0)]
)
def test_pass_at_k_of_known_counts(drawn: int, passing: int, k: int, expected: float):
    assert pass_at_k(drawn, passing, k) == pytest.approx(expected)


def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_one_that_passes():
    passes = [True, True, False, False, False, False, True]
    for k in range(1, 8):
        choices = list(itertools.combinations(passes, k))
        assert pass_at_k(7, 3, k) == pytest.approx(sum(map(any, choices)) / math.comb(7, k))


def test_programs_are_run_with_their_tests_and_a_single_answer_counts_for_any_k():
    drawn = Outputs([RIGHT], [[RIGHT]], samples=[[RIGHT, WRONG, WRONG, WRONG, WRONG]], details=[ADD])
    single = Outputs([RIGHT, WRONG], [[RIGHT]] * 2, details=[ADD] * 2)

    assert value("pass_at_1", drawn) == pytest.approx(20)
    assert value("pass_at_5", drawn) == pytest.approx(100)
    assert value("pass_at_1", single) == value("pass_at_5", single) == pytest.approx(50)


def test_a_completed_program_is_run_with_its_beginning():
    details = [{"tests": "assert one() == 1", "before": "def one():"}]
    assert value("pass_at_1", Outputs(["    return 1"], [[""]], details=details)) == 100


def test_execution_accuracy_counts_what_a_query_gives():
    right = "SELECT 名 FROM 电影 WHERE 年 < 2000"
    outputs = Outputs(
        ["SELECT 名 FROM 电影 ORDER BY 年 LIMIT 1", "SELECT 名 FROM 电影", "DROP TABLE 电影", right],
        [[right]] * 4,
        details=[FILMS] * 4,
    )
    assert value("execution_accuracy", outputs, "zh") == 50


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("The answer is 42.", "42", True),
        ("答案是４２个", "42", True),
        ("1,000", "1000.0", True),
        ("7 of 9", "7", False),
        ("-3", "3", False),
        ("−3", "-3", True),
        ("1/2", "0.5", True),
        ("0.1", "1/10", True),
        ("评分 4.5/5", "0.9", True),
        ("4.5/0", "0", False),
        ("none", "0", False),
        ("1/0", "0", False),
    ],
)
def test_a_number_is_right_however_it_is_written(text: str, reference: str, right: bool):
    assert value("exact_number", Outputs([text], [[reference]])) == 100 * right
    assert last_number("without") is None


ASKED = [
    {"constraints": {"keywords": ["cat"], "max_words": 3}},
    {"constraints": {"keywords": ["猫"], "sentiment": "good"}},
    {"constraints": {}},
    {"constraints": {"min_words": 2}},
]
ANSWERED = Outputs(
    ["A black cat.", "小狗", "anything", "one"], [["x"]] * 4, details=ASKED, judged=["bad", "good", "bad", "bad"]
)


def test_shares_of_what_was_kept_are_of_the_examples_that_ask_for_it():
    assert value("keywords_kept", ANSWERED) == 50
    assert value("length_kept", ANSWERED) == 50
    assert value("sentiment_kept", ANSWERED) == 100
    assert value("constraints_kept", ANSWERED) == pytest.approx(100 / 3)


def test_what_no_example_asks_for_is_not_measured_and_a_resample_without_any_is_0():
    free = Outputs(["a"], [["a"]], details=[{"constraints": {}}])
    metric = METRICS["keywords_kept"]("en")

    assert not metric.applies(free)
    assert not metric.applies(Outputs(["a"], [["a"]]))
    assert metric.applies(ANSWERED)
    assert metric.value(np.zeros((2, 2))).tolist() == [0, 0]
    assert not METRICS["sentiment_kept"]("en").applies(Outputs(["a"], [["a"]], details=ASKED[1:2]))
