"""Settings of the search for test examples in training text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from data.config import Config
from data.sources.local import FileHashes
from data.sources.source import SourceError


class EvaluationTable(Config):
    """Examples of an evaluation that is no task of the recipe."""

    path: Path
    """A .csv, .jsonl or .parquet file, plain or compressed; relative to the project."""
    input: str = "input"
    """Column of what a model is asked."""
    target: str | None = None
    """Column of free-text answers; null: the answers are labels, or there are none."""


class DecontaminationConfig(Config):
    """Settings of the search for test examples in training text.

    An example is found in a document by runs of words, the punctuation around them aside, that are nowhere else: a run
    that many documents or many examples have is a phrase of the language. That the answer alone is somewhere says
    nothing; a short example counts only where its answer is in the same document.
    """

    mode: Literal["drop", "cut", "report"] = "drop"
    """What becomes of a document of the training part that holds an example: it goes, or the passage goes, or it stays.
    In each case `audit/overlap.parquet` says what was found."""
    against: dict[str, EvaluationTable] = Field({})
    """Name -> examples, beside the validation and test examples of the recipe's own tasks."""
    words: int = Field(13, ge=5)
    """Of a run; twice as many characters where words are not written apart."""
    short_words: int = Field(8, ge=3)
    """Of a run of an example that has fewer than `words`."""
    share: float = Field(0.5, gt=0.0, le=1.0)
    """Part of an example's runs from which a document holds it."""
    phrase_occurrences: int = Field(10, ge=1)
    """A run in more documents than this, or in more examples of one set, counts for nothing."""

    @model_validator(mode="after")
    def short_is_shorter(self) -> Self:
        """Refuses short runs that are not shorter."""
        if self.short_words >= self.words:
            raise ValueError(f"short_words {self.short_words} must be less than words {self.words}")
        return self


def against_key(tables: Mapping[str, EvaluationTable], cache: Path, root: Path) -> dict[str, str]:
    """Returns the sha256 of each table's file.

    Raises:
        SourceError: a file is missing.
    """
    hashes = FileHashes(cache)
    keys = {}
    for name, table in tables.items():
        path = root / table.path.expanduser()
        if not path.is_file():
            raise SourceError(f"{name}.path: no file {path}; relative paths start at {root}")
        keys[name] = hashes.sha256(path)
    hashes.save()
    return keys
