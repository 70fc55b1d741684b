"""Labelled rows of the user's own tables."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from data.tasks.base import Example, Places
from data.tasks.files import SplitFiles
from data.tasks.tables import TableSource, read_table


class FileTable(TableSource, SplitFiles):
    """Settings of `file`."""

    source: Literal["file"]

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all tables, in the order of the recipe."""
        for table_split, path in self.files(places):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            for example in self.rows(table, str(path)):
                yield replace(example, split=self.split_of(table_split, example.group))
