import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from data.tasks import Example, LabelledConfig
from data.tasks.base import Places


def read(root: Path, rows: list[dict], **settings: object) -> list[Example]:
    (root / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    config = TypeAdapter(LabelledConfig).validate_python({"path": "rows.jsonl"} | settings)
    return list(config.examples(Places(root / "cache", root, None)))


def test_programs_come_with_their_tests(tmp_path: Path):
    rows = [{"text": "Add.", "code": "add = lambda a, b: a + b", "test_list": ["assert add(1, 2) == 3", "assert add"]}]
    [example] = read(tmp_path, rows, source="programs", input="text", target="code", tests="test_list")

    assert example.details == {"tests": "assert add(1, 2) == 3\nassert add", "before": ""}


def test_a_program_that_is_completed_is_run_with_its_beginning(tmp_path: Path):
    rows = [{"prompt": "def one():", "solution": "    return 1", "tests": "assert one() == 1"}]
    [example] = read(tmp_path, rows, source="programs", completes=True)

    assert example.details["before"] == "def one():"


def test_a_question_is_read_with_its_schema_and_a_schema_stays_in_one_split(tmp_path: Path):
    rows = [{"question": "多少？", "query": "SELECT count(*) FROM t", "schema": "CREATE TABLE t (a)", "rows": ""}]
    [example] = read(tmp_path, rows, source="sql", language="zh")

    assert example.input == "多少？\nCREATE TABLE t (a)"
    assert example.group == "CREATE TABLE t (a)"
    assert example.details == {"schema": "CREATE TABLE t (a)", "rows": ""}


@pytest.mark.parametrize("kind", ["programs", "sql", "stories"])
def test_a_missing_column_is_named(tmp_path: Path, kind: str):
    with pytest.raises(ValueError, match=r"no column .*; the columns are a"):
        read(tmp_path, [{"a": "x"}], source=kind)


def story(text: str, **settings: object) -> Example:
    given = {"source": "stories", "path": "x.csv", "opening_words": 3, "continuation_words": 6}
    return TypeAdapter(LabelledConfig).validate_python(given | settings).from_text(text, "g")


def test_a_story_is_cut_between_words_and_its_full_stop_belongs_to_it():
    example = story("Once upon a time there was an elephant, grey. And more of it.")

    assert example.input == "Once upon a"
    assert example.target == "time there was an elephant, grey."
    assert example.details == {"constraints": {}}


def test_a_chinese_story_is_cut_between_characters():
    example = story("从前有一只小猫，它很可爱。", ask_keywords=1, ask_length=True)

    assert example.input == "从前有"
    assert example.target == "一只小猫，它很"
    assert example.details["constraints"]["min_words"] == 5
    assert len(example.details["constraints"]["keywords"][0]) == 2


def test_what_is_asked_for_stands_in_the_real_continuation_and_not_in_the_opening():
    example = story("The elephant saw the elephant and a small crocodile there.", ask_keywords=1, ask_length=True)

    assert example.details == {"constraints": {"keywords": ["crocodile"], "min_words": 5, "max_words": 7}}


def test_a_story_too_short_to_cut_is_empty():
    assert story("Once upon a time.").input == ""


def test_a_sentiment_is_asked_for_by_a_column(tmp_path: Path):
    rows = [{"text": " ".join("abcdefghij"), "mood": "good"}]
    [example] = read(tmp_path, rows, source="stories", opening_words=2, sentiment="mood")

    assert example.details == {"constraints": {"sentiment": "good"}}
