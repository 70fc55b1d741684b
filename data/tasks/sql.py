"""Questions to a database: the tables, a question, and a query that answers it."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from data.tasks.base import Example, Places
from data.tasks.files import SplitFiles
from data.tasks.tables import columns_of, read_table


class SQLQuestions(SplitFiles):
    """Settings of `sql`: rows of a csv, jsonl or parquet file. A model reads the question, then the schema."""

    gives: ClassVar[frozenset[str]] = frozenset({"schema"})

    source: Literal["sql"]
    input: str = "question"
    """Column of the question."""
    target: str = "query"
    """Column of a query whose rows are the answer."""
    tables: str = "schema"
    """Column of the CREATE TABLE statements, in SQLite's SQL."""
    rows: str | None = "rows"
    """Column of the INSERT statements; null: the tables are empty, and every query that can be run gives the same."""
    group: str | None = None
    """Column whose equal values stay in one split, as the database; null: every schema is its own group, so that a
    schema of the test is never seen in training."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all files, in the order of the recipe.

        Raises:
            ValueError: a column is missing.
        """
        for file_split, path in self.files(places):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            columns = [self.input, self.target, self.tables, self.rows or self.tables, self.group or self.tables]
            for question, query, schema, rows, group in columns_of(table, columns, str(path)):
                yield Example(
                    f"{question}\n{schema}",
                    str(query),
                    str(group),
                    split=self.split_of(file_split, str(group)),
                    details={"schema": str(schema), "rows": str(rows) if self.rows else ""},
                )
