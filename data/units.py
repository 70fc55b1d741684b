"""Words and Chinese characters of a text, and the token whose state stands for each.

A *unit* is a Han or kana character, a run of other letters and digits, or a single mark. Where a piece of the tokenizer
reaches over several units, as those of Chinese words do, the text under it is encoded unit by unit, so that each has a
token of its own. Characters that normalisation drops have none, and are no unit.
Shapes: N tokens, U units.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.language import UNSPACED
from data.packing import Ints

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

_UNIT = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+|[^\w\s]|_")


@dataclass(frozen=True, eq=False)
class EncodedUnits:
    """A text as tokens, and its units."""

    ids_N: Ints
    first_U: Ints
    """Index of the first token of each unit, ascending."""
    starts_U: Ints
    """First character of each unit."""
    ends_U: Ints
    """Behind its last character."""

    def cut(self, first: int, last: int) -> EncodedUnits:
        """Returns the units `first` to `last` (exclusive) with their tokens; the characters stay those of the text."""
        tokens = np.append(self.first_U, len(self.ids_N))
        start, end = tokens[first], tokens[last]
        return EncodedUnits(
            self.ids_N[start:end],
            self.first_U[first:last] - start,
            self.starts_U[first:last],
            self.ends_U[first:last],
        )

    def within(self, start: int, end: int) -> Ints:
        """Returns the units that have a character in [start, end)."""
        return np.flatnonzero((self.starts_U < end) & (self.ends_U > start))


def unit_spans(text: str) -> list[tuple[int, int]]:
    """Returns the characters [start, end) of each unit."""
    return [found.span() for found in _UNIT.finditer(text)]


def encode_units(tokenizer: Tokenizer, text: str) -> EncodedUnits:
    """Encodes a text so that every unit starts with a token of its own."""
    spans = unit_spans(text)
    starts, ends = (np.array([span[side] for span in spans], dtype=np.int64) for side in (0, 1))
    ids: list[int] = []
    owners: list[int] = []
    for token_ids, characters in _apart(tokenizer, text, starts, ends):
        first, behind = _overlapping(starts, ends, characters)
        ids += token_ids
        owners += [first if behind > first else -1] * len(token_ids)
    owners_N = np.array(owners, dtype=np.int64)
    units, first_U = np.unique(owners_N[owners_N >= 0], return_index=True)
    first_U = np.flatnonzero(owners_N >= 0)[first_U]
    return EncodedUnits(np.array(ids, dtype=np.int64), first_U, starts[units], ends[units])


def windows(encoded: EncodedUnits, room: int, stride: int | None = None) -> list[tuple[int, int]]:
    """Returns runs of whole units, first and last (exclusive), that have at most `room` tokens and cover all units.

    Args:
        encoded: a text.
        room: a unit that alone has more tokens is a window by itself, of which the reader cuts the rest.
        stride: tokens from the start of a window to that of the next; None: windows do not overlap.
    """
    tokens = np.append(encoded.first_U, len(encoded.ids_N))
    units = len(encoded.first_U)
    found, first = [], 0
    while first < units:
        last = max(first + 1, int(np.searchsorted(tokens, tokens[first] + room, side="right")) - 1)
        found.append((first, last))
        if last >= units:
            break
        step = last if stride is None else int(np.searchsorted(tokens, tokens[first] + stride, side="right")) - 1
        first = min(last, max(first + 1, step))
    return found


def _apart(
    tokenizer: Tokenizer, text: str, starts: Ints, ends: Ints
) -> Iterator[tuple[Sequence[int], tuple[int, int]]]:
    """Yields ids with the characters that they stand for, none of them over two units."""
    for token, (start, end) in zip(*tokenizer.encode_with_offsets(text), strict=True):
        first, behind = _overlapping(starts, ends, (start, end))
        if behind - first < 2:
            yield [token], (start, end)
            continue
        cuts = [start, *starts[first + 1 : behind].tolist(), end]
        for part in pairwise(cuts):
            yield tokenizer.encode(text[slice(*part)]), part


def _overlapping(starts: NDArray[np.int64], ends: Ints, characters: tuple[int, int]) -> tuple[int, int]:
    """Returns the first unit with one of the characters, and the one behind the last."""
    return int(np.searchsorted(ends, characters[0], side="right")), int(np.searchsorted(starts, characters[1]))
