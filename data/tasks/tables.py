"""Labelled rows of a table: csv, tsv, jsonl, parquet, CoNLL columns or nested json, plain or compressed."""

import json
import lzma
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Self

import pandas as pd
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from data.answers import classes_text, tags_text
from data.examples import Answers
from data.sources.formats import COMPRESSIONS, decompressed, format_of
from data.sources.source import SourceError
from data.tasks.base import Example, LabelledSource
from data.tasks.cells import listed
from data.tasks.queries import query_examples
from data.tasks.questions import question_example
from data.tasks.structured import TAGS, TOKENS, read_conll, read_json
from data.tasks.tagged_spans import joined, spans_of

_ANSWERS: dict[str, Answers] = {
    "label": "class",
    "classes": "classes",
    "spans": "tags",
    "tags": "tags",
    "answer": "span",
    "documents": "ranking",
    "target": "text",
}
"""Setting that names the column of the answer -> what the answer is."""
_LABELLED = ("label", "classes", "spans", "tags")


class TableSource(LabelledSource):
    """Which columns of a table make an example. Exactly one setting names the column of the answer."""

    input: str = "text"
    """Column of the input: a text; with `tags` its tokens, with `answer` the context, with `documents` the query."""
    label: str | None = None
    """Column of the class, named in `labels`."""
    target: str | None = None
    """Column of a free-text answer. All are right of a cell that is a list (`.jsonl`, `.parquet`); the first is trained
    on."""
    classes: str | None = None
    """Column of any number of classes, named in `labels`: a list, or text with `separator` between."""
    spans: str | None = None
    """Column of the tagged stretches of the text: a list of [start, end, label] in characters."""
    tags: str | None = None
    """Column of one tag for every token: O, B-x or I-x, or those of BMES, BIOES or BILOU, with the x in `labels`; the
    tokens are in column `input`. A `.conll` file has the columns tokens and tags."""
    answer: str | None = None
    """Column of what answers `question` in the words of the context: a text, a list, or as in SQuAD with its starts. A
    `.json` file as SQuAD's has the columns context, question and answers."""
    question: str | None = None
    """Column of the question; goes with `answer`."""
    documents: str | None = None
    """Column of the document or the list of documents that a query has to find."""
    negatives: str | None = None
    """Column of documents that a query must not find though they look alike; goes with `documents`."""
    separator: str | None = Field(None, min_length=1)
    """What stands between the parts of a cell that is text: of `classes`, `tags` and tokens, `documents`."""
    group: str | None = None
    """Column whose equal values stay in one split, as the film of a review; null: every input, and of questions every
    context, is its own group."""

    @property
    def column(self) -> str:
        """The setting that names the column of the answer."""
        return next(name for name in _ANSWERS if getattr(self, name) is not None)

    @property
    def answers(self) -> Answers:
        """What kind of thing the targets are."""
        return _ANSWERS[self.column]

    @model_validator(mode="after")
    def _one_kind_of_answer(self) -> Self:
        given = [name for name in _ANSWERS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give one of {', '.join(_ANSWERS)}, the column of the answer; got {', '.join(given) or 'none'}"
            )
        if (self.column in _LABELLED) != bool(self.labels):
            raise ValueError(f"labels (in order) go with {', '.join(_LABELLED)}, and only with them")
        if len(set(self.labels)) < len(self.labels) or (self.column in {"label", "classes"} and len(self.labels) < 2):
            raise ValueError(f"labels must be two or more different classes, got {', '.join(self.labels)}")
        for setting, needed in (("question", "answer"), ("negatives", "documents")):
            if getattr(self, setting) is not None and getattr(self, needed) is None:
                raise ValueError(f"{setting} goes with {needed} only")
        if self.answer is not None and self.question is None:
            raise ValueError("answer needs question, the column of what is asked")
        return self

    def rows(self, table: pd.DataFrame, name: str, candidates: Mapping[str, str] | None = None) -> Iterator[Example]:
        """Turns the rows of a table into examples.

        Args:
            table: as `read_table` gives it.
            name: of the table, for messages.
            candidates: id -> text, where `documents` and `negatives` are ids.

        Raises:
            ValueError: a column is missing, or a row cannot be read.
        """
        settings = ("input", self.column, "question", "negatives", "group")
        columns = {setting: column for setting in settings if (column := getattr(self, setting)) is not None}
        rows = [dict(zip(columns, row, strict=True)) for row in columns_of(table, [*columns.values()], name)]
        if self.documents is not None:
            yield from query_examples(map(self._query, rows), candidates)
            return
        for number, row in enumerate(rows, start=1):
            try:
                yield self._example(row)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ValueError(f"{name}: row {number}: {error}") from error

    def _query(self, row: Mapping[str, Any]) -> tuple[str, str, list[str], list[str]]:
        right, wrong = (_documents(row.get(setting, ""), self.separator) for setting in ("documents", "negatives"))
        text = str(row["input"])
        return text, str(row.get("group", text)), right, wrong

    def _example(self, row: Mapping[str, Any]) -> Example:
        group, answer = row.get("group"), row[self.column]
        others: list[str] = []
        match self.column:
            case "answer":
                return question_example(
                    str(row["question"]), str(row["input"]), answer, None if group is None else str(group)
                )
            case "tags":
                tokens, tags = ([str(part) for part in listed(cell, self.separator)] for cell in (row["input"], answer))
                text, spans = joined(tokens, tags, self.labels, self.language)
                target = tags_text(spans)
            case "spans":
                text, target = str(row["input"]), tags_text(spans_of(answer, self.labels))
            case "classes":
                text, target = str(row["input"]), classes_text(map(str, listed(answer, self.separator)))
            case "target" if isinstance(answer, list):
                text, (target, *others) = str(row["input"]), dict.fromkeys(map(str, answer)) or [""]
            case _:
                text, target = str(row["input"]), str(answer)
        return Example(text, target, text if group is None else str(group), others=tuple(others))


def _documents(cell: Any, separator: str | None) -> list[str]:
    """Returns the documents of a cell; a text in brackets that is no JSON, such as '[Part 1] ...', is one of them."""
    try:
        return [str(document) for document in listed(cell, separator)]
    except ValueError:
        return [str(cell)]


def columns_of(table: pd.DataFrame, columns: Sequence[str], name: str) -> Iterator[tuple[Any, ...]]:
    """Yields these cells of every row.

    Raises:
        ValueError: a column is missing.
    """
    if missing := sorted(set(columns) - set(table.columns)):
        raise ValueError(f"{name}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}")
    yield from zip(*(table[column].tolist() for column in columns), strict=True)


def read_table(stream: BinaryIO, name: str) -> pd.DataFrame:
    """Reads a table whose format its name tells. Every cell of a csv stays text; a missing cell is ''.

    Raises:
        SourceError: the name has no known ending, or the content is not what it says.
    """
    kind = _kind(name)
    plain = decompressed(stream, name)
    try:
        match kind:
            case ".csv" | ".tsv":
                separator = "," if kind == ".csv" else "\t"
                return _separated(plain.read(), separator)
            case ".jsonl":
                return _frame([json.loads(line) for line in plain if line.strip()])
            case ".parquet":
                return _frame(pq.read_table(BytesIO(plain.read())).to_pylist())
            case ".conll":
                return pd.DataFrame(read_conll(plain), columns=[TOKENS, TAGS], dtype=object)
            case ".json":
                return _frame(read_json(plain))
    except (ValueError, KeyError, TypeError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(f"{name}: not readable as {kind[1:]}: {error}") from error
    raise SourceError(
        f"{name}: a {kind} file has no columns; give .csv, .tsv, .jsonl, .json, .parquet or .conll (tokens and tags)"
    )


def _kind(name: str) -> str:
    path = PurePosixPath(name)
    suffix = (path.with_suffix("") if path.suffix in COMPRESSIONS else path).suffix
    return suffix if suffix in {".conll", ".json"} else format_of(name)


def _separated(content: bytes, separator: str) -> pd.DataFrame:
    """Reads rows of cells under a line of names; cells without a name must be empty, as behind a separator at the end.

    Raises:
        ValueError: they are not: pandas would take the first cells for an index and move the others under wrong names.
    """
    settings: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False}
    table: pd.DataFrame = pd.read_csv(BytesIO(content), **settings)
    if isinstance(table.index, pd.RangeIndex):
        return table
    names, nameless = list(table.columns), list(range(table.index.nlevels))
    table = pd.read_csv(BytesIO(content), names=[*names, *nameless], header=0, **settings)
    if (table[nameless] != "").any(axis=None):
        raise ValueError(
            f"rows have more cells than the first line has names ({', '.join(names)}); put cells that hold "
            f"{separator!r} in quotes"
        )
    return table.drop(columns=nameless)


def _frame(rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object).fillna("")
