"""Labelled rows of the user's own tables."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from data.document import Split
from data.sources.local import FileHashes
from data.sources.source import SourceError
from data.tasks.about import with_columns
from data.tasks.base import Example, Places
from data.tasks.tables import TableSource, read_table


class FileTable(TableSource):
    """Settings of `file`."""

    source: Literal["file"]
    path: Path | dict[Split, Path]
    """One table, divided by `split`; or one table each for train, validation and test. Without a validation table,
    validation is those groups of the train table that `split` puts there."""
    about: tuple[str, ...] = ()
    """Columns that are kept with each example, such as who wrote it: the exam `group_gaps` tells groups by them."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all tables, in the order of the recipe."""
        for table_split, path in self._tables(places).items():
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            for example in with_columns(self.rows(table, str(path)), table, self.about, str(path)):
                yield replace(example, split=self._split(table_split, example.group))

    def content(self, places: Places) -> dict[str, Any]:
        """Returns the sha256 of each table: a moved file stays the same."""
        hashes = FileHashes(places.cache)
        content: dict[str, Any] = {split or "all": hashes.sha256(path) for split, path in self._tables(places).items()}
        hashes.save()
        return content

    def _tables(self, places: Places) -> dict[Split | None, Path]:
        given = [(None, self.path)] if isinstance(self.path, Path) else self.path.items()
        tables: dict[Split | None, Path] = {split: places.root / path.expanduser() for split, path in given}
        if missing := [str(path) for path in tables.values() if not path.is_file()]:
            raise SourceError(f"data.path: no file {', '.join(missing)}; relative paths start at {places.root}")
        return tables

    def _split(self, table_split: Split | None, group: str) -> Split | None:
        takes_validation = table_split == "train" and isinstance(self.path, dict) and "validation" not in self.path
        return "validation" if takes_validation and self.split.of(group) == "validation" else table_split
