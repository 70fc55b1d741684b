"""Repeated lines or paragraphs: of all that are equal over the whole corpus the first stays, the others are cut.

So go what sites put around every page, and what a document quotes of another as a whole. Shapes: R rows.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import xxhash
from pydantic import Field

from data.config import Config
from data.dedup.cuts import Cuts, Range
from data.dedup.spill import Rows, Spill

_SEPARATORS = {"line": "\n", "paragraph": "\n\n"}
_AT_ONCE = 65_536


class PassagesConfig(Config):
    """Settings of the removal of repeated lines or paragraphs."""

    unit: Literal["line", "paragraph"] = "line"
    """A paragraph ends at an empty line."""
    min_characters: int = Field(40, ge=1)
    """Of a line or paragraph without the white space around it; shorter ones may repeat."""


def cut_repeated_passages(
    texts: Iterable[tuple[int, int | None, str]], config: PassagesConfig, cuts: Cuts, scratch: Path, memory_bytes: int
) -> None:
    """Adds what repeats to `cuts`. Passages are equal that differ in nothing but white space and case.

    Args:
        texts: (rank, row, text) of each document in any order; of equal passages that of the lowest rank stays, in one
            document the first. None as row: the document stands as it is.
        config: which passages.
        cuts: gets ranges of rows.
        scratch: folder for what does not fit into `memory_bytes`.
    """
    spill = Spill(scratch, columns=5, memory_bytes=memory_bytes)
    for rows in _in_blocks(_keys(texts, config)):
        spill.add(rows)
    for rows in spill.repeated():  # by 128 bits of hash, rank and place: in each group the first stays
        again = np.zeros(len(rows), dtype=np.bool_)
        again[1:] = (rows[1:, :2] == rows[:-1, :2]).all(axis=1)
        again &= rows[:, 4] != 0
        places = rows[again, 3]
        ranges = zip((places >> np.uint64(32)).tolist(), (places & np.uint64(2**32 - 1)).tolist(), strict=True)
        cuts.add((rows[again, 4] - np.uint64(1)).tolist(), list(ranges))


def _keys(texts: Iterable[tuple[int, int | None, str]], config: PassagesConfig) -> Iterator[tuple[int, ...]]:
    """Yields the leading and the following half of the hash, rank, start and end in one number, row + 1 or 0."""
    for rank, row, text in texts:
        for passage, (start, end) in _passages(text, _SEPARATORS[config.unit]):
            words = " ".join(passage.casefold().split())
            if len(words) >= config.min_characters:
                key = xxhash.xxh3_128_intdigest(words.encode())
                yield key >> 64, key & (2**64 - 1), rank, start << 32 | end, 0 if row is None else row + 1


def _passages(text: str, separator: str) -> Iterator[tuple[str, Range]]:
    """Yields each passage with its range of bytes, the separator after it included."""
    start = 0
    for passage in text.split(separator):
        end = start + len(passage.encode()) + len(separator)
        yield passage, (start, end)
        start = end


def _in_blocks(keys: Iterator[tuple[int, ...]]) -> Iterator[Rows]:
    block: list[tuple[int, ...]] = []
    for key in keys:
        block.append(key)
        if len(block) == _AT_ONCE:
            yield np.array(block, dtype=np.uint64)
            block = []
    if block:
        yield np.array(block, dtype=np.uint64)
