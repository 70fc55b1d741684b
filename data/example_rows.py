"""Labelled examples on their way into a batch.

Shapes: B rows, T positions of the longest, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from data.packing import Ints


class Rows(Protocol):
    """Examples as the view of their kind gets them."""

    def take(self, chosen: Ints) -> Self:
        """Returns the examples at these indices."""
        ...


@dataclass(frozen=True, eq=False)
class ExampleRows:
    """Examples as a view gets them: text alone, without specials."""

    inputs: list[Ints]
    targets: list[Ints]
    """Empty arrays where the answer is a class."""
    labels_B: Ints
    """-1 where the answer is free text."""

    def take(self, chosen: Ints) -> ExampleRows:
        """Returns the examples at these indices."""
        return ExampleRows(
            [self.inputs[index] for index in chosen], [self.targets[index] for index in chosen], self.labels_B[chosen]
        )


@dataclass(frozen=True, eq=False)
class ClassesRows:
    """Texts, each with any number of classes; tokens without specials."""

    inputs: list[Ints]
    labels_BK: Ints
    """1 for the classes of a text, 0 for the others."""

    def take(self, chosen: Ints) -> ClassesRows:
        """Returns the texts at these indices."""
        return ClassesRows([self.inputs[index] for index in chosen], self.labels_BK[chosen])


@dataclass(frozen=True, eq=False)
class UnitRows:
    """Texts of which single tokens are asked about; tokens without the bos and eos around them."""

    inputs: list[Ints]
    places: list[Ints]
    """Indices of the tokens that are asked about, ascending."""
    labels: list[Ints]
    """For `tagging` the tag of each place. For `span` two indices: where the answer starts and ends, among 0 for no
    answer, 1 for the first place, and so on."""

    def take(self, chosen: Ints) -> UnitRows:
        """Returns the texts at these indices."""
        inputs, places, labels = (
            [column[index] for index in chosen] for column in (self.inputs, self.places, self.labels)
        )
        return UnitRows(inputs, places, labels)


@dataclass(frozen=True, eq=False)
class QueryRows:
    """Queries with the documents they have to find and those they must not; tokens without specials."""

    queries: list[Ints]
    right: list[list[int]]
    """Numbers in `documents`, at least one a query."""
    wrong: list[list[int]]
    documents: list[Ints]
    """Of all queries: not cut down with them."""

    def take(self, chosen: Ints) -> QueryRows:
        """Returns the queries at these indices."""
        queries = [self.queries[index] for index in chosen]
        right, wrong = ([column[index] for index in chosen] for column in (self.right, self.wrong))
        return QueryRows(queries, right, wrong, self.documents)


def padded(samples: Sequence[Ints], pad: int) -> tuple[Ints, Ints, Ints | None]:
    """Returns input ids, position ids and sample ids (B, T) of rows of one sample each.

    Rows that are all equally long have no sample ids: nothing needs a mask.
    """
    lengths_B1 = np.array([len(sample) for sample in samples])[:, None]
    columns_T = np.arange(lengths_B1.max())
    real_BT = columns_T < lengths_B1
    input_ids_BT = np.full(real_BT.shape, pad, dtype=np.int64)
    input_ids_BT[real_BT] = np.concatenate(samples)
    return input_ids_BT, np.where(real_BT, columns_T, 0), None if real_BT.all() else np.where(real_BT, 0, -1)
