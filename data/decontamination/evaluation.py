"""Evaluation sets as the search needs them: what is asked, and answers where they are text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from data.decontamination.config import EvaluationTable
from data.document import sha256_hex
from data.examples import TaskDescription
from data.sources.source import SourceError
from data.tasks.tables import read_table


@dataclass(frozen=True)
class Evaluation:
    """The examples of one set; columns of one length."""

    name: str
    ids: Sequence[str]
    splits: Sequence[str]
    inputs: Sequence[str]
    answers: Sequence[str | None]
    """None: what alone says nothing, as a label, or is in the input already."""


def read_artifact(name: str, folder: Path) -> Evaluation:
    """Reads the validation and test examples of an `examples` artifact."""
    free_text = TaskDescription.load(folder).answers == "text"
    ids, splits, inputs, answers = [], [], [], []
    for split in ("validation", "test"):
        for row in pq.read_table(folder / f"{split}.parquet").to_pylist():
            ids.append(row["id"])
            splits.append(split)
            inputs.append(row["input"])
            answers.append(row["target"] if free_text else None)
    return Evaluation(name, ids, splits, inputs, answers)


def read_table_of(name: str, table: EvaluationTable, root: Path) -> Evaluation:
    """Reads a table of examples.

    Raises:
        SourceError: it has no such column, or cannot be read.
    """
    path = root / table.path.expanduser()
    with path.open("rb") as stream:
        rows = read_table(stream, path.name)
    wanted = [column for column in (table.input, table.target) if column is not None]
    if missing := [column for column in wanted if column not in rows.columns]:
        raise SourceError(
            f"corpus.decontamination.against.{name}: {path.name} has no column {', '.join(missing)}; the columns are "
            f"{', '.join(map(str, rows.columns))}"
        )
    inputs = rows[table.input].astype(str).tolist()
    answers = [None] * len(inputs) if table.target is None else rows[table.target].astype(str).tolist()
    ids = [sha256_hex(f"{text}\0{answer or ''}") for text, answer in zip(inputs, answers, strict=True)]
    return Evaluation(name, ids, ["test"] * len(ids), inputs, answers)
