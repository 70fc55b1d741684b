"""Stories in files of the user's own, to be gone on with."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from data.tasks.base import Example, Places
from data.tasks.continuations import ContinuationSource
from data.tasks.files import SplitFiles
from data.tasks.tables import columns_of, read_table


class Stories(ContinuationSource, SplitFiles):
    """Settings of `stories`: rows of a csv, jsonl or parquet file."""

    source: Literal["stories"]
    text: str = "text"
    """Column of the whole story."""
    sentiment: str | None = None
    """Column of the sentiment that the continuation should have, a label of the task's `judge`."""
    group: str | None = None
    """Column whose equal values stay in one split; null: every story is its own group."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all files, in the order of the recipe.

        Raises:
            ValueError: a column is missing.
        """
        for file_split, path in self.files(places):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            columns = [self.text, self.group or self.text, self.sentiment or self.text]
            for text, group, sentiment in columns_of(table, columns, str(path)):
                example = self.from_text(str(text), str(group), self.split_of(file_split, str(group)))
                if self.sentiment and example.details:
                    asked = {**example.details["constraints"], "sentiment": str(sentiment)}
                    example = replace(example, details={"constraints": asked})
                yield example
