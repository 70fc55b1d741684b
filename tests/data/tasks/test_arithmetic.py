from pathlib import Path

import pytest
from pydantic import TypeAdapter

from data.tasks import LabelledConfig, build_examples
from data.tasks.base import Places


def problems(**settings: object) -> list:
    config = TypeAdapter(LabelledConfig).validate_python({"source": "arithmetic", "count": 300} | settings)
    return list(config.examples(Places(Path(), Path(), None)))


def test_sums_are_right_and_within_bounds():
    operations = ["add", "subtract", "multiply"]
    for number, example in enumerate(problems(operations=operations, largest=50)):
        a, sign, b, _ = example.input.split()
        expected = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
        assert example.target == str(expected)
        assert 0 <= expected <= 100
        assert sign == "+-*"[number % 3]


@pytest.mark.parametrize(("language", "word"), [("en", "How many"), ("zh", "几个")])
def test_stories_ask_for_the_same_numbers_in_words(language: str, word: str):
    for example in problems(form="stories", language=language):
        a, _, b, _ = example.group.split()
        assert word in example.input
        assert a in example.input
        assert b in example.input


def test_equal_seeds_draw_equal_problems_and_others_do_not():
    assert problems(seed=3) == problems(seed=3)
    assert problems(seed=3) != problems(seed=4)


def test_no_sum_of_the_test_is_trained_on(tmp_path: Path):
    config = TypeAdapter(LabelledConfig).validate_python({"source": "arithmetic", "form": "stories", "count": 500})
    counts = build_examples(config, output=tmp_path, cache=tmp_path, root=tmp_path, corpus=None)

    import pyarrow.parquet as pq

    groups = {split: set(pq.read_table(tmp_path / f"{split}.parquet")["group"].to_pylist()) for split in counts["kept"]}
    assert not groups["train"] & (groups["test"] | groups["validation"])
