"""Programs to be written: what one should do, one that does it, and the tests that tell."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from data.tasks.base import Example, Places
from data.tasks.files import SplitFiles
from data.tasks.tables import columns_of, read_table


class Programs(SplitFiles):
    """Settings of `programs`: rows of a csv, jsonl or parquet file."""

    gives: ClassVar[frozenset[str]] = frozenset({"tests"})

    source: Literal["programs"]
    input: str = "prompt"
    """Column of what the program should do."""
    target: str = "solution"
    """Column of a program that does it."""
    tests: str = "tests"
    """Column of Python statements that run after the program and fail where it is wrong: a text, or a list of texts."""
    completes: bool = False
    """The input is the program's beginning, such as a function's head; what is run is input and answer together."""
    group: str | None = None
    """Column whose equal values stay in one split; null: every input is its own group."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all files, in the order of the recipe.

        Raises:
            ValueError: a column is missing.
        """
        for file_split, path in self.files(places):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            columns = [self.input, self.target, self.tests, self.group or self.input]
            for text, target, tests, group in columns_of(table, columns, str(path)):
                details = {
                    "tests": tests if isinstance(tests, str) else "\n".join(map(str, tests)),
                    "before": str(text) if self.completes else "",
                }
                yield Example(
                    str(text), str(target), str(group), split=self.split_of(file_split, str(group)), details=details
                )
