"""Labelled rows of the user's own tables."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from data.config import Config
from data.sources.local import FileHashes
from data.sources.source import SourceError
from data.tasks.about import with_columns
from data.tasks.base import Example, Places
from data.tasks.files import SplitFiles
from data.tasks.tables import TableSource, read_table


class CandidateTable(Config):
    """A table of what queries search."""

    path: Path
    id: str = "id"
    """Column of what `documents` and `negatives` name a candidate by."""
    text: str = "text"
    """Column of its text."""


class FileTable(TableSource, SplitFiles):
    """Settings of `file`."""

    source: Literal["file"]
    about: tuple[str, ...] = ()
    """Columns that are kept with each example, such as who wrote it: the exam `group_gaps` tells groups by them. Of the
    rows of one query, those of the first."""
    searched: CandidateTable | None = None
    """Where queries search: all of this table, in which `documents` and `negatives` are ids. null: they are texts, and
    queries search all documents of their split."""

    @model_validator(mode="after")
    def _queries_search(self) -> Self:
        if self.searched is not None and self.documents is None:
            raise ValueError("searched goes with documents only, the column of what a query has to find")
        return self

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all tables, in the order of the recipe."""
        candidates = self.candidates(places) if self.searched else None
        for table_split, path in self.files(places):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            rows = self.rows(table, str(path), candidates)
            if self.documents is not None and self.input in table.columns:  # rows of one query are one example
                first: dict[str, int] = {}
                for place, query in enumerate(table[self.input]):
                    first.setdefault(str(query), place)
                table = table.iloc[list(first.values())]
            for example in with_columns(rows, table, self.about, str(path)):
                yield replace(example, split=self.split_of(table_split, example.group))

    def candidates(self, places: Places) -> dict[str, str]:
        """Reads the table that is searched, if there is one.

        Raises:
            ValueError: it lacks a column, or has an id twice.
        """
        if self.searched is None:
            return {}
        path = self._searched(places)
        with path.open("rb") as stream:
            table = read_table(stream, path.name)
        columns = [self.searched.id, self.searched.text]
        if missing := [column for column in columns if column not in table.columns]:
            raise ValueError(f"{path}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}")
        ids, texts = (table[column].astype(str).tolist() for column in columns)
        if twice := sorted(name for name, times in Counter(ids).items() if times > 1):
            raise ValueError(
                f"{path}: column {self.searched.id} has {', '.join(twice[:3])} twice; an id names one text"
            )
        return dict(zip(ids, texts, strict=True))

    def content(self, places: Places) -> dict[str, Any]:
        """Returns the sha256 of each table: a moved file stays the same."""
        content = super().content(places)
        if self.searched is not None:
            with FileHashes(places.cache) as hashes:
                content["searched"] = hashes.sha256(self._searched(places))
        return content

    def _searched(self, places: Places) -> Path:
        assert self.searched is not None
        path = places.root / self.searched.path.expanduser()
        if not path.is_file():
            raise SourceError(f"data.searched.path: no file {path}; relative paths start at {places.root}")
        return path
