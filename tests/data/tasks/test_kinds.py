"""A user's own rows of every kind of answer, in English and in Chinese."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from data.answers import TaggedSpan, read_classes, read_ranking, read_tags, tags_text
from data.examples import read_candidates, read_examples
from data.tasks import Example, LabelledConfig, LabelledSource, build_examples
from data.tasks.base import Places

CONLL = "-DOCSTART- O\n\nAda NNP B-PER\nLovelace NNP I-PER\nleft O\nLondon B-LOC\n. O\n\nParis I-LOC\n\n"
SQUAD = {
    "data": [
        {
            "title": "Cats",
            "paragraphs": [
                {
                    "context": "猫 sleeps 16 hours. It sleeps a lot.",
                    "qas": [
                        {"question": "How\nlong?", "answers": [{"text": "16 hours", "answer_start": 9}]},
                        {"question": "Why?", "answers": [], "is_impossible": True},
                        {"question": "Wrong?", "answers": [{"text": "16 hours", "answer_start": 8}]},
                    ],
                }
            ],
        }
    ]
}


def table(folder: Path, content: object, **settings: Any) -> LabelledSource:
    """A table of rows (a `.jsonl`), or a file's text under the name in `path`."""
    name = settings.pop("path", "rows.jsonl")
    text = content if isinstance(content, str) else "\n".join(json.dumps(row) for row in content)  # type: ignore[attr-defined]
    (folder / name).write_text(text, encoding="utf-8")
    return TypeAdapter(LabelledConfig).validate_python({"source": "file", "path": name} | settings)


def read(folder: Path, config: LabelledSource) -> list[Example]:
    return list(config.examples(Places(folder / "cache", folder, None)))


def built(folder: Path, config: LabelledSource) -> dict[str, Any]:
    (folder / "out").mkdir()
    return build_examples(config, output=folder / "out", cache=folder / "cache", root=folder, corpus=None)


@pytest.mark.parametrize(
    ("path", "content", "separator"),
    [
        ("a.csv", "text,topics\nhello,sport|politics|sport\nbye,\n", "|"),
        ("a.tsv", "text\ttopics\nhello\tsport; politics\nbye\t\n", ";"),
        ("a.jsonl", '{"text": "hello", "topics": ["sport", "politics"]}\n{"text": "bye", "topics": []}\n', None),
        ("a.csv", 'text,topics\nhello,"[""sport"", ""politics""]"\nbye,[]\n', None),
    ],
)
def test_any_number_of_classes_is_read_as_a_sorted_set(tmp_path: Path, path: str, content: str, separator: str | None):
    labels = ["politics", "sport"]
    config = table(tmp_path, content, path=path, classes="topics", labels=labels, separator=separator)
    found = read(tmp_path, config)

    assert config.answers == "classes"
    assert [read_classes(example.target) for example in found] == [["politics", "sport"], []]


def test_parquet_lists_are_read_as_jsonl_lists_are(tmp_path: Path):
    pq.write_table(pa.table({"text": ["天气很好"], "topics": [["天气", "生活"]]}), tmp_path / "a.parquet")
    settings = {
        "source": "file",
        "path": "a.parquet",
        "language": "zh",
        "classes": "topics",
        "labels": ["天气", "生活"],
    }
    [example] = read(tmp_path, TypeAdapter(LabelledConfig).validate_python(settings))

    assert example.target == '["天气", "生活"]'


def test_conll_columns_become_a_text_and_its_spans(tmp_path: Path):
    config = table(tmp_path, CONLL, path="a.conll", input="tokens", tags="tags", labels=["PER", "LOC"])
    found = read(tmp_path, config)

    assert [example.input for example in found] == ["Ada Lovelace left London .", "Paris"]
    assert read_tags(found[0].target) == [(0, 12, "PER"), (18, 24, "LOC")]
    assert read_tags(found[1].target) == [(0, 5, "LOC")]  # I without a B before it starts a span


def test_tokens_of_conll_may_hold_blanks(tmp_path: Path):
    content = "New York\tNNP\tB-LOC\r\n中\tNR\tB-LOC\r\n\u3000\tO\tO\t\r\n \r\n\u3000 O\n国  B-LOC \n\n"
    config = table(tmp_path, content, path="a.conll", input="tokens", tags="tags", labels=["LOC"], language="zh")

    found = [(e.input, [e.input[start:end] for start, end, _ in read_tags(e.target)]) for e in read(tmp_path, config)]
    assert found == [("New York中\u3000", ["New York", "中"]), ("\u3000国", ["国"])]


def test_a_new_type_and_a_new_b_start_new_spans(tmp_path: Path):
    row = {"tokens": ["a", "b", "c", "d"], "tags": ["B-X", "B-X", "I-Y", "I-Y"]}
    [example] = read(tmp_path, table(tmp_path, [row], input="tokens", tags="tags", labels=["X", "Y"]))

    assert read_tags(example.target) == [(0, 1, "X"), (2, 3, "X"), (4, 7, "Y")]


@pytest.mark.parametrize(
    "tags",
    [
        ["B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-PER", "I-PER"],
        ["B-PER", "M-PER", "E-PER", "O", "S-LOC", "B-PER", "E-PER"],
        ["B-PER", "I-PER", "E-PER", "O", "S-LOC", "B-PER", "E-PER"],
        ["B-PER", "I-PER", "L-PER", "O", "U-LOC", "B-PER", "L-PER"],
    ],
)
def test_every_scheme_of_tags_gives_the_same_spans(tmp_path: Path, tags: list[str]):
    row = {"tokens": list("欧阳修在京苏轼"), "tags": tags}
    config = table(tmp_path, [row], input="tokens", tags="tags", labels=["PER", "LOC"], language="zh")
    [example] = read(tmp_path, config)

    assert read_tags(example.target) == [(0, 3, "PER"), (4, 5, "LOC"), (5, 7, "PER")]


def test_chinese_tokens_are_joined_without_spaces_but_for_latin_words(tmp_path: Path):
    row = {"tokens": [*list("我在北京用"), "iPhone", "15"], "tags": ["O", "O", "B-LOC", "I-LOC", "O", "B-P", "I-P"]}
    config = table(tmp_path, [row], input="tokens", tags="tags", labels=["LOC", "P"], language="zh")
    [example] = read(tmp_path, config)

    assert example.input == "我在北京用iPhone 15"
    assert [example.input[start:end] for start, end, _ in read_tags(example.target)] == ["北京", "iPhone 15"]


def test_spans_are_lists_or_records_and_those_of_other_labels_are_not_asked_for(tmp_path: Path):
    rows = [
        {"text": "李雷在上海", "entities": [[3, 5, "LOC"], [0, 2, "PER"], [2, 3, "MISC"]]},
        {"text": "nobody here", "entities": [{"start": 0, "end": 6, "label": "PER"}]},
    ]
    found = read(tmp_path, table(tmp_path, rows, spans="entities", labels=["PER", "LOC"]))

    assert found[0].target == tags_text([TaggedSpan(0, 2, "PER"), TaggedSpan(3, 5, "LOC")])
    assert read_tags(found[1].target) == [(0, 6, "PER")]


def test_spans_that_overlap_or_leave_the_text_are_dropped_and_counted(tmp_path: Path):
    rows = [{"text": f"word{number} word", "entities": [[0, 4, "X"]]} for number in range(60)]
    rows += [{"text": "over lap", "entities": [[0, 4, "X"], [3, 5, "X"]]}, {"text": "short", "entities": [[0, 6, "X"]]}]
    counts = built(tmp_path, table(tmp_path, rows, spans="entities", labels=["X"]))

    assert counts["dropped"] == {"overlapping_spans": 1, "span_outside_text": 1}
    assert sum(counts["labels"]["train"].values()) == counts["kept"]["train"]


def test_squad_answers_lie_in_the_input_where_its_offsets_say(tmp_path: Path):
    config = table(
        tmp_path,
        json.dumps(SQUAD),
        path="a.json",
        input="context",
        question="question",
        answer="answers",
        language="en",
    )
    long, none, wrong = read(tmp_path, config)

    assert long.input == "How long?\n猫 sleeps 16 hours. It sleeps a lot."
    start, end = long.details["span"]
    assert (long.input[start:end], long.target) == ("16 hours", "16 hours")
    assert (none.target, none.details["span"]) == ("", None)
    assert (wrong.target, wrong.details["span"]) == ("16 hours", None)
    assert {example.group for example in (long, none)} == {SQUAD["data"][0]["paragraphs"][0]["context"]}


def test_answers_without_offsets_are_found_and_what_is_not_there_is_dropped(tmp_path: Path):
    rows = [{"text": f"第{number}天下雨。", "q": "天气?", "a": ["下雨", "雨"]} for number in range(60)]
    rows += [{"text": "晴天", "q": "天气?", "a": "下雪"}, {"text": "无", "q": "天气?", "a": ""}]
    counts = built(tmp_path, table(tmp_path, rows, question="q", answer="a", language="zh"))
    examples = [row for split in ("train", "validation", "test") for row in read_examples(tmp_path / "out", split)]

    assert counts["dropped"] == {"answer_not_in_text": 1}
    for row in examples:
        if row["target"]:
            start, end = row["details"]["span"]
            assert row["input"][start:end] == row["target"] == "下雨"
            assert row["others"] == ["雨"]
    assert sum(row["target"] == "" for row in examples) == 1


def test_rows_of_one_query_are_one_example_and_its_split_is_what_it_searches(tmp_path: Path):
    rows = [{"text": f"q{number}", "doc": f"document {number}", "bad": [f"bad {number}"]} for number in range(80)]
    rows += [{"text": "q7", "doc": ["another for 7", "document 7"], "bad": ["document 7"]}]
    counts = built(tmp_path, table(tmp_path, rows, documents="doc", negatives="bad"))
    examples = [row for split in ("train", "validation", "test") for row in read_examples(tmp_path / "out", split)]
    [seven] = [row for row in examples if row["input"] == "q7"]
    documents = seven["details"]["documents"]

    assert counts["read"] == 80
    assert [documents[key] for key in (seven["target"], *seven["others"])] == ["document 7", "another for 7"]
    assert [documents[key] for key in seven["details"]["negatives"]] == ["bad 7"]  # what is right is never wrong too
    test = read_candidates(tmp_path / "out", "test")
    assert len(test) == 2 * counts["kept"]["test"] + (
        "q7" in {r["input"] for r in read_examples(tmp_path / "out", "test")}
    )
    assert {row["target"] for row in read_examples(tmp_path / "out", "test")} <= test.keys()


def test_a_document_may_begin_with_a_bracket(tmp_path: Path):
    content = 'query,found\na?,[Part 1] A text\n甲？,"[""甲"", ""[乙] 丙""]"\n'
    first, second = read(tmp_path, table(tmp_path, content, path="a.csv", input="query", documents="found"))

    assert [*first.details["documents"].values()] == ["[Part 1] A text"]
    assert [*second.details["documents"].values()] == ["甲", "[乙] 丙"]


def test_columns_about_a_query_are_those_of_its_first_row(tmp_path: Path):
    rows = [
        {"query": "a?", "found": "A", "by": "x"},
        {"query": "a?", "found": "a", "by": "y"},
        {"query": "甲？", "found": "甲", "by": "z"},
    ]
    config = table(tmp_path, rows, input="query", documents="found", about=["by"])

    assert [(e.input, len(e.others), e.details["by"]) for e in read(tmp_path, config)] == [
        ("a?", 1, "x"),
        ("甲？", 0, "z"),
    ]


def test_a_table_of_candidates_is_searched_whole_and_unknown_ids_are_refused(tmp_path: Path):
    (tmp_path / "docs.csv").write_text("key,body\n" + "".join(f"d{n},文档{n}\n" for n in range(70)), encoding="utf-8")
    searched = {"path": "docs.csv", "id": "key", "text": "body"}
    rows = [{"text": f"查询{number}", "doc": f"d{number}"} for number in range(60)]
    config = table(tmp_path, rows, documents="doc", searched=searched, language="zh")
    built(tmp_path, config)

    assert len(read_candidates(tmp_path / "out", "validation")) == 70
    assert all(row["details"]["documents"] == {} for row in read_examples(tmp_path / "out", "test"))
    with pytest.raises(ValueError, match=r"names document 'd99', which data\.searched does not have"):
        read(tmp_path, table(tmp_path, [{"text": "x", "doc": "d99"}], documents="doc", searched=searched))


def test_the_key_follows_what_is_searched(tmp_path: Path):
    (tmp_path / "docs.csv").write_text("id,text\nd,one\n")
    config = table(tmp_path, [{"text": "x", "doc": "d"}], documents="doc", searched={"path": "docs.csv"})
    places = Places(tmp_path / "cache", tmp_path, None)
    before = config.content(places)
    (tmp_path / "docs.csv").write_text("id,text\nd,another\n")

    assert config.content(places) != before


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([{"text": "x", "s": [[0]]}], {"spans": "s", "labels": ["X"]}, r"row 1: \[0\] is no span"),
        ([{"text": ["a"], "t": ["O", "O"]}], {"tags": "t", "labels": ["X"]}, "row 1: 1 tokens, but 2 tags"),
        ([{"text": "x", "c": "[a"}], {"classes": "c", "labels": ["X", "Y"]}, "row 1: Expecting value"),
        ([{"text": "x"}], {"question": "q", "answer": "a"}, "no column a, q; the columns are text"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path: Path, rows: list[dict], settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, table(tmp_path, rows, **settings))


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        ("a B-X\nb\n", "a.conll", "line 2: 'b' is a token without a tag"),
        ('{"rows": 1}', "a.json", "neither a list of records nor SQuAD's"),
        ('{"data": [{"paragraphs": [{"qas": [{}]}]}]}', "a.json", "not readable as json: 'context'"),
    ],
)
def test_files_that_are_not_what_their_name_says_are_refused(tmp_path: Path, content: str, path: str, message: str):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, table(tmp_path, content, path=path, input="tokens", tags="tags", labels=["X"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"answer": "a"}, "answer needs question"),
        ({"negatives": "n", "label": "l", "labels": ["a", "b"]}, "negatives goes with documents only"),
        ({"documents": "d", "labels": ["a", "b"]}, "labels .* go with label, classes, spans, tags"),
        ({"classes": "c", "labels": ["a"]}, "two or more different classes"),
        ({"label": "l", "labels": ["a", "b"], "searched": {"path": "x.csv"}}, "searched goes with documents only"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(LabelledConfig).validate_python({"source": "file", "path": "a.csv"} | settings)


def test_canonical_answers_read_back():
    spans = [TaggedSpan(3, 5, "地点"), TaggedSpan(0, 2, "PER")]
    assert read_tags(tags_text(spans)) == sorted(spans)
    assert read_ranking('["b", "a"]') == ["b", "a"]


def test_list_of_answers_is_trained_on_by_its_first_and_right_by_all(tmp_path: Path):
    rows = [
        {"text": "源", "summary": ["one", "two", "one", "三"]},
        {"text": "b", "summary": "[not a list]"},
        {"text": "c", "summary": []},
    ]

    first, second, none = read(tmp_path, table(tmp_path, rows, target="summary"))

    assert (first.target, first.others) == ("one", ("two", "三"))
    assert (second.target, second.others) == ("[not a list]", ())
    assert (none.target, none.others) == ("", ())


def test_all_answers_of_a_parquet_cell_reach_the_examples(tmp_path: Path):
    rows = [{"text": f"{number}", "summary": [f"a{number}", f"b{number}"]} for number in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    config = TypeAdapter(LabelledConfig).validate_python(
        {"source": "file", "path": "rows.parquet", "target": "summary"}
    )

    built(tmp_path, config)

    kept = pq.read_table(tmp_path / "out" / "test.parquet").to_pylist()
    assert kept
    assert all(row["others"] == [f"b{row['input']}"] for row in kept)
