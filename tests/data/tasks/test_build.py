import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from data.tasks import HashSplit, LabelledConfig, LabelledSource, build_examples, examples_key
from data.tasks.base import normalised


def reviews(root: Path, lines: list[str], **settings: object) -> LabelledSource:
    """A csv of text, stars and film, with its settings."""
    (root / "reviews.csv").write_text("\n".join(["text,stars,film", *lines]) + "\n", encoding="utf-8")
    given = {"source": "file", "path": "reviews.csv", "label": "stars", "labels": ["bad", "good"], "group": "film"}
    return TypeAdapter(LabelledConfig).validate_python(given | settings)


def build(config: LabelledSource, root: Path, name: str = "out") -> tuple[dict[str, list[dict]], dict]:
    output = root / name
    output.mkdir()
    counts = build_examples(config, output=output, cache=root / "cache", root=root, corpus=None)
    splits = ("train", "validation", "test")
    return {split: pq.read_table(output / f"{split}.parquet").to_pylist() for split in splits}, counts


def films(count: int) -> list[str]:
    return [f"review {film} {side},{side},film{film}" for film in range(count) for side in ("good", "bad")]


def test_a_film_is_in_one_split_decided_by_its_crc32(tmp_path: Path):
    splits, counts = build(reviews(tmp_path, films(60), split={"folds": 5}), tmp_path)

    found = [{row["group"] for row in splits[split]} for split in ("train", "validation", "test")]
    assert sum(map(len, found)) == 60
    assert counts["kept"] == {split: len(rows) for split, rows in splits.items()}
    # crc32("film0") % 5, computed with zlib
    assert {HashSplit(folds=5).of(group) for group in found[2]} == {"test"}
    assert {HashSplit(folds=5).of(group) for group in found[1]} == {"validation"}


def test_labels_are_numbered_in_the_recipes_order_and_others_are_dropped_and_counted(tmp_path: Path):
    splits, counts = build(reviews(tmp_path, [*films(60), "what happens,plot,film0", " ,good,film1"]), tmp_path)

    rows = [row for split in splits.values() for row in split]
    assert {(row["target"], row["label"]) for row in rows} == {("bad", 0), ("good", 1)}
    assert counts["dropped"] == {"empty": 1, "other_label": 1}
    assert json.loads((tmp_path / "out/task.json").read_text())["labels"] == ["bad", "good"]


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        ({"text": "{}", "answer": "yes {}", "by": "{}"}, {"source": "file", "target": "answer", "about": ["by"]}),
        ({"text": "question {}", "answer": ["no", "{}"]}, {"source": "file", "documents": "answer"}),
        ({"messages": [{"role": "user", "content": "{}"}, {"role": "assistant", "content": "好"}]}, {}),
    ],
)
def test_half_an_emoji_spoils_one_row_and_is_counted(tmp_path: Path, row: dict, settings: dict):
    said = json.dumps(row)
    rows = [said.replace("{}", f"hello {number}" + "\\ud83d" * (number == 7)) for number in range(60)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    given = {"source": "conversations", "path": "rows.jsonl"} | settings

    _, counts = build(TypeAdapter(LabelledConfig).validate_python(given), tmp_path)

    assert counts["dropped"] == {"not_utf8": 1}
    assert sum(counts["kept"].values()) == 59


def test_a_repeated_text_stays_in_test_and_leaves_train(tmp_path: Path):
    of = {HashSplit().of(f"film{film}"): f"film{film}" for film in range(60)}
    repeated = [
        f"Same  TEXT,good,{of['train']}",
        f"same text,good,{of['test']}",
        f"ｓａｍｅ text,good,{of['validation']}",
    ]
    splits, counts = build(reviews(tmp_path, [*repeated, *films(60)]), tmp_path)

    where = [split for split, rows in splits.items() for row in rows if normalised(row["input"]) == "same text"]
    assert where == ["test"]
    assert counts["dropped"] == {"duplicate": 2}


def test_a_text_under_two_classes_goes_altogether_where_that_is_asked_for(tmp_path: Path):
    disputed = ["Such a film,good,film0", "such  a FILM,bad,film1", "Such a film,good,film2"]
    lines = [*disputed, "Such a plot,good,film0", "Such a plot,other,film1", *films(60)]
    _, first = build(reviews(tmp_path, lines), tmp_path, "first")
    splits, counts = build(reviews(tmp_path, lines, drop_conflicts=True), tmp_path, "none")

    texts = {normalised(row["input"]) for rows in splits.values() for row in rows}
    assert "such a film" not in texts
    assert "such a plot" in texts, "a class that is not among the labels does not count"
    assert first["dropped"] == {"duplicate": 2, "other_label": 1}
    assert counts["dropped"] == {"conflicting_labels": 3, "other_label": 1}
    with pytest.raises(ValidationError, match="drop_conflicts is about classes"):
        reviews(tmp_path, [], label=None, target="stars", labels=[], drop_conflicts=True)


def test_building_twice_gives_the_same_bytes(tmp_path: Path):
    config = reviews(tmp_path, films(60))
    build(config, tmp_path, "one")
    build(config, tmp_path, "two")

    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_the_key_follows_content_and_settings_and_not_the_place(tmp_path: Path):
    config = reviews(tmp_path, films(3))
    before = examples_key(config, tmp_path / "cache", tmp_path)
    (tmp_path / "moved.csv").write_bytes((tmp_path / "reviews.csv").read_bytes())
    moved = config.model_copy(update={"path": Path("moved.csv")})

    assert examples_key(moved, tmp_path / "cache", tmp_path) == before
    assert examples_key(reviews(tmp_path, films(3), split={"folds": 5}), tmp_path / "cache", tmp_path) != before
    assert examples_key(reviews(tmp_path, films(4)), tmp_path / "cache", tmp_path) != before


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path):
    with pytest.raises(ValueError, match=r"no column movie; the columns are text, stars, film"):
        build(reviews(tmp_path, films(3), group="movie"), tmp_path)


def test_a_class_without_training_example_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"no training example of class mixed"):
        build(reviews(tmp_path, films(60), labels=["bad", "good", "mixed"]), tmp_path)


def test_an_empty_split_is_refused_with_the_sizes(tmp_path: Path):
    with pytest.raises(ValueError, match=r"no examples left for .*test"):
        build(reviews(tmp_path, films(1)), tmp_path)


def test_a_missing_file_is_named(tmp_path: Path):
    config = reviews(tmp_path, films(1)).model_copy(update={"path": Path("nowhere.csv")})
    with pytest.raises(ValueError, match=r"no file .*nowhere\.csv"):
        build(config, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "film"}, "give one of label, classes, .*; got label, target"),
        ({"labels": []}, "labels .* go with label"),
        ({"labels": ["good", "good"]}, "two or more different classes"),
        ({"split": {"folds": 5, "test": [0], "validation": [0]}}, "must be different remainders"),
        ({"split": {"folds": 5, "test": [5]}}, "must be different remainders"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        reviews(tmp_path, [], **changes)
