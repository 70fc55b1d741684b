import gzip
import json
import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from data.chat import turns_of
from data.sources.source import SourceError
from data.tasks import LabelledConfig, LabelledSource, build_examples
from data.tasks.base import Places

SHARED = os.environ.get("STAGELM_SHARED_DATA")


def source(path: Path | str, **settings: object) -> LabelledSource:
    return TypeAdapter(LabelledConfig).validate_python({"source": "conversations", "path": str(path)} | settings)


def read(root: Path, rows: list, name: str = "chats.jsonl", **settings: object) -> list:
    (root / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return list(source(name, **settings).examples(Places(root / "cache", root, None)))


def test_the_last_reply_is_the_answer_to_all_before_it(tmp_path: Path):
    turns = [
        {"role": role, "content": text} for role, text in (("user", "你好"), ("assistant", "您好"), ("user", "谁？"))
    ]
    [example] = read(tmp_path, [{"messages": [*turns, {"role": "assistant", "content": "我是机器。"}]}])

    assert example.input == "user: 你好\nassistant: 您好\nuser: 谁？"
    assert example.target == "我是机器。"
    assert example.group == "谁？"
    assert [turn.as_json() for turn in turns_of({"input": "", "details": example.details})] == turns


def test_what_follows_the_last_reply_is_left_out_and_who_gets_no_reply_is_empty(tmp_path: Path):
    asked, alone, silent = read(tmp_path, [["Hi", "Hello", "Bye"], ["Hi"], ["Hi", " ", "Bye", None]])

    assert (asked.input, asked.target) == ("Hi", "Hello")
    assert (alone.input, alone.target) == (silent.input, silent.target) == ("", "")


def test_separators_of_lines_in_what_is_said_end_no_row(tmp_path: Path):
    rows = [["一\u2028二\x85三", "four\u2029five\x0csix"], ["Hi", "Hello"]]

    assert [(e.input, e.target) for e in read(tmp_path, rows)] == [tuple(rows[0]), tuple(rows[1])]


def test_alpaca_rows_are_questions_and_answers(tmp_path: Path):
    rows = [
        {"instruction": "Translate.", "input": "cat", "output": "猫"},
        {"instruction": "Say hi.", "input": "", "output": "Hi."},
    ]
    assert [(e.input, e.target) for e in read(tmp_path, rows)] == [("Translate.\ncat", "猫"), ("Say hi.", "Hi.")]


def test_words_stored_apart_are_joined_and_a_system_is_put_first(tmp_path: Path):
    [example] = read(tmp_path, [{"turns": ["我 饿 了 。", "去 吃 。"]}], joined=True, system="简短回答。")

    assert example.input == "system: 简短回答。\nuser: 我饿了。"
    assert example.target == "去吃。"


def test_yaml_of_conversations_is_read_plain_or_compressed(tmp_path: Path):
    text = "categories: [ai]\nconversations:\n- - What is AI?\n  - A field.\n- - 1\n  - 2\n"
    (tmp_path / "a.yml").write_text(text)
    (tmp_path / "b.yml.gz").write_bytes(gzip.compress(text.encode()))
    places = Places(tmp_path / "cache", tmp_path, None)

    for name in ("a.yml", "b.yml.gz"):
        found = [(e.input, e.target) for e in source(name).examples(places)]
        assert found == [("What is AI?", "A field."), ("1", "2")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x"}', "conversation 1: an object with text; give one of messages"),
        ("a.jsonl", '["Hi", "Hello"]\n[{"role": "boss", "content": "x"}]', "conversation 2: turn 0: unknown role"),
        ("a.jsonl", "{", "not readable as jsonl"),
        ("a.json", "{}", "holds no list"),
        ("a.yml", "a: 1", "not readable as yml"),
        ("a.csv", "a", "unknown format of conversations"),
    ],
)
def test_a_file_that_holds_none_is_named_with_the_place(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message):
        list(source(name).examples(Places(tmp_path / "cache", tmp_path, None)))


@pytest.mark.skipif(SHARED is None, reason="STAGELM_SHARED_DATA names no folder")
@pytest.mark.parametrize(
    ("file", "read", "settings"),
    [
        ("lccc-test-zh/lccc_base_test.jsonl.gz", 10_000, {"joined": True, "language": "zh"}),
        ("instructions/alpaca_zh_demo.jsonl.gz", 1000, {"language": "zh"}),
        ("instructions/alpaca_en_demo.jsonl.gz", 999, {}),
    ],
)
def test_published_conversations_become_examples(tmp_path: Path, file: str, read: int, settings: dict):
    config = source(Path(str(SHARED), file), **settings)
    (tmp_path / "out").mkdir()
    counts = build_examples(config, output=tmp_path / "out", cache=tmp_path, root=tmp_path, corpus=None)

    assert counts["read"] == read
    assert sum(counts["kept"].values()) > 0.9 * read
