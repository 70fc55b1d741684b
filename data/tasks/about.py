"""Columns of a table that say something about an example beside its input and answer, such as who wrote it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from data.tasks.base import Example


def with_columns(
    examples: Iterable[Example], table: pd.DataFrame, columns: Sequence[str], name: str
) -> Iterator[Example]:
    """Yields the examples with these columns among their details; a cell that is empty is left out.

    Args:
        examples: one for each row of the table, in its order.
        table: where they come from.
        columns: none: the examples stay as they are.
        name: of the table, for messages.

    Raises:
        ValueError: a column is missing.
    """
    if not columns:
        yield from examples
        return
    if missing := sorted(set(columns) - set(table.columns)):
        raise ValueError(f"{name}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}")
    for example, row in zip(examples, table[list(columns)].to_dict("records"), strict=True):
        kept = {str(column): text for column, cell in row.items() if (text := str(cell))}
        yield replace(example, details={**example.details, **kept})
