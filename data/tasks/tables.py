"""Labelled rows of a table: csv, jsonl or parquet, plain or compressed."""

import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO, Self

import pandas as pd
import pyarrow.parquet as pq
from pydantic import model_validator

from data.sources.formats import decompressed, format_of
from data.sources.source import SourceError
from data.tasks.base import Example, LabelledSource


class TableSource(LabelledSource):
    """Which columns of a table make an example."""

    input: str = "text"
    """Column of the input."""
    label: str | None = None
    """Column of the class, named in `labels`. Exactly one of `label` and `target` is given."""
    target: str | None = None
    """Column of a free-text answer."""
    group: str | None = None
    """Column whose equal values stay in one split, as the film of a review; null: every input is its own group."""

    @model_validator(mode="after")
    def _one_kind_of_answer(self) -> Self:
        if (self.label is None) == (self.target is None):
            raise ValueError("give one of label (column of a class) and target (column of a free-text answer)")
        if (self.label is None) == bool(self.labels):
            raise ValueError("labels (the classes, in order) go with label, and only with it")
        if self.labels and len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"labels must be two or more different classes, got {', '.join(self.labels)}")
        return self

    def rows(self, table: pd.DataFrame, name: str) -> Iterator[Example]:
        """Turns the rows of a table into examples.

        Raises:
            ValueError: a column is missing.
        """
        columns = [self.input, self.label or self.target or "", self.group or self.input]
        for text, target, group in columns_of(table, columns, name):
            yield Example(str(text), str(target), str(group))


def columns_of(table: pd.DataFrame, columns: Sequence[str], name: str) -> Iterator[tuple[Any, ...]]:
    """Yields these cells of every row.

    Raises:
        ValueError: a column is missing.
    """
    if missing := sorted(set(columns) - set(table.columns)):
        raise ValueError(f"{name}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}")
    yield from zip(*(table[column] for column in columns), strict=True)


def read_table(stream: BinaryIO, name: str) -> pd.DataFrame:
    """Reads a table whose format its name tells. Every cell of a csv stays text; a missing cell is ''.

    Raises:
        SourceError: the name has no known ending, or the content is not what it says.
    """
    kind = format_of(name)
    plain = decompressed(stream, name)
    try:
        match kind:
            case ".csv":
                return pd.read_csv(plain, dtype=str, keep_default_na=False)
            case ".jsonl":
                rows = [json.loads(line) for line in plain if line.strip()]
                return pd.DataFrame(rows, dtype=object).fillna("")
            case ".parquet":
                rows = pq.read_table(BytesIO(plain.read())).to_pylist()
                return pd.DataFrame(rows, dtype=object).fillna("")
    except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(f"{name}: not readable as {kind[1:]}: {error}") from error
    raise SourceError(f"{name}: a {kind} file has no columns; give .csv, .jsonl or .parquet")
