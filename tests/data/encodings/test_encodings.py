"""Examples of every kind as rows: what is cut, what becomes several rows, where answers lie."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.answers import TaggedSpan, classes_text, tags_text
from data.encodings import ENCODINGS, encode_split
from data.encodings.span import question_windows
from data.encodings.tags import spans_of_tags, tags_of
from data.examples import EncodedExamples
from data.question import question_input
from data.tasks.build import SCHEMA
from data.tokenizer import Tokenizer, TokenizerConfig
from data.tokenizer.training import train_model
from data.units import encode_units
from data.vocabulary import SPECIALS


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Letters, a few words, and Chinese words of two characters."""
    texts = [
        f"ada went to london {a}{b}{c} 北京天安门上海北京天安门"
        for a in "abcdefg"
        for b in "hijklmn"
        for c in "opqrstu"
    ]
    return Tokenizer(train_model(TokenizerConfig(algorithm="bpe", vocab_size=512), texts))


def encoded(
    folder: Path,
    tokenizer: Tokenizer,
    answers: str,
    rows: list[dict[str, Any]],
    length: int,
    labels: tuple[str, ...] = (),
) -> EncodedExamples:
    rows = [{"others": [], "details": "{}"} | row for row in rows]
    for row in rows:
        row["details"] = row["details"] if isinstance(row["details"], str) else json.dumps(row["details"])
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "train.parquet")
    task = {"answers": answers, "labels": list(labels), "language": "en", "target_language": "en"}
    (folder / "task.json").write_text(json.dumps(task))
    return encode_split(folder, "train", tokenizer, length)


def test_every_kind_of_answer_has_an_encoding():
    assert set(ENCODINGS) == {"class", "classes", "ranking", "span", "tags", "text"}


def test_several_classes_are_ones_among_zeros(tmp_path: Path, tokenizer: Tokenizer):
    rows = [{"input": "ada " * 20, "target": classes_text(["c", "a"])}, {"input": "ada", "target": "[]"}]
    found = encoded(tmp_path, tokenizer, "classes", rows, length=8, labels=("a", "b", "c"))

    assert found.rows.labels_BK.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert found.lengths_N.tolist() == [8, 2 + len(tokenizer.encode("ada"))]
    assert (found.truncated, found.dropped) == (1, 0)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("ada went to london, in 上海天安门", [(0, 3, "PER"), (12, 18, "LOC"), (23, 25, "LOC"), (25, 28, "LOC")]),
        ("北京天安门上海", [(0, 2, "LOC"), (2, 5, "PER")]),
        ("nothing at all", []),
    ],
)
def test_tags_give_the_spans_back_to_the_character(tokenizer: Tokenizer, text: str, spans: list[tuple[int, int, str]]):
    given = [TaggedSpan(*span) for span in spans]
    units, labels = encode_units(tokenizer, text), ["PER", "LOC"]

    assert spans_of_tags(units, tags_of(units, given, labels), labels) == given


def test_tags_begin_and_go_on_and_a_part_of_a_word_is_the_word(tokenizer: Tokenizer):
    units = encode_units(tokenizer, "ada went to")
    tags = tags_of(units, [TaggedSpan(1, 5, "X")], ["Y", "X"])

    assert tags.tolist() == [3, 4, 0]
    assert spans_of_tags(units, tags, ["Y", "X"]) == [(0, 8, "X")]
    assert spans_of_tags(units, np.array([2, 2, 4]), ["Y", "X"]) == [(0, 8, "Y"), (9, 11, "X")]


def test_long_texts_become_rows_that_hold_every_unit_once(tmp_path: Path, tokenizer: Tokenizer):
    text = "ada went to london 北京天安门 " * 6
    spans = [TaggedSpan(place, place + 6, "LOC") for place in range(len(text)) if text.startswith("london", place)]
    found = encoded(tmp_path, tokenizer, "tags", [{"input": text, "target": tags_text(spans)}], 20, ("LOC",))

    assert len(found.rows.inputs) > 2
    assert max(found.lengths_N) <= 20
    assert np.concatenate(found.rows.inputs).tolist() == encode_units(tokenizer, text).ids_N.tolist()
    assert (np.concatenate(found.rows.labels) == 1).sum() == 6


@pytest.mark.parametrize(("question", "context", "answer"), [
    ("who went?", "in london ada went to 北京 and sat", "ada"),
    ("去哪?", "北京天安门上海北京天安门很大", "天安门"),
])  # fmt: skip
def test_answers_lie_where_the_window_says(
    tmp_path: Path, tokenizer: Tokenizer, question: str, context: str, answer: str
):
    text, offset = question_input(question, context)
    start = offset + context.index(answer)
    row = {"input": text, "target": answer, "details": {"span": [start, start + len(answer)]}}
    found = encoded(tmp_path, tokenizer, "span", [row], 64)
    [window], _ = question_windows(tokenizer, text, 64)
    first, last = found.rows.labels[0] - 1

    assert context[window.units.starts_U[first] : window.units.ends_U[last]] == answer
    asked = tokenizer.encode(question)
    assert found.rows.inputs[0][: len(asked) + 1].tolist() == [*asked, SPECIALS.sep]


def test_long_contexts_are_read_in_overlapping_windows_and_some_hold_the_answer(tmp_path: Path, tokenizer: Tokenizer):
    context = "北京 " * 30 + "ada went " + "上海 " * 30
    text, offset = question_input("who?", context)
    start = offset + context.index("ada")
    rows = [
        {"input": text, "target": "ada", "details": {"span": [start, start + 3]}},
        {"input": text, "target": "", "details": {"span": None}},
    ]
    found = encoded(tmp_path, tokenizer, "span", rows, 40)
    half = len(found.rows.inputs) // 2
    held = [labels.tolist() for labels in found.rows.labels]

    assert max(found.lengths_N) <= 40
    assert 1 <= sum(labels != [0, 0] for labels in held[:half]) <= 3
    assert held[half:] == [[0, 0]] * half


def test_queries_and_documents_are_cut_and_shared_documents_are_one(tmp_path: Path, tokenizer: Tokenizer):
    documents = {"a": "ada " * 30, "b": "london", "c": "北京"}
    rows = [
        {"input": "who", "target": "a", "others": ["b"], "details": {"negatives": ["c"], "documents": documents}},
        {"input": "where", "target": "b", "details": {"negatives": [], "documents": {"b": "london"}}},
    ]
    found = encoded(tmp_path, tokenizer, "ranking", rows, 10)

    assert (found.rows.right, found.rows.wrong) == ([[0, 1], [1]], [[2], []])
    assert [len(document) for document in found.rows.documents] == [
        8,
        *(len(tokenizer.encode(t)) for t in ("london", "北京")),
    ]
    assert found.lengths_N[0] == 10
    assert found.truncated == 1
