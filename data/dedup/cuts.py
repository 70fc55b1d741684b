"""Parts of documents that are left out: ranges of bytes, kept on disk, that end between characters."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.dedup.spill import Spill

Range = tuple[int, int]
"""Start and end (exclusive) in the UTF-8 of a text."""


class Cuts:
    """What to leave out of each document; first all is added, then it is asked for."""

    def __init__(self, scratch: Path, rows: int, memory_bytes: int) -> None:
        """`rows` documents; `scratch` is a folder for this alone."""
        self._spill = Spill(scratch / "unsorted", columns=3, memory_bytes=memory_bytes)
        self._path = scratch / "sorted"
        self._shift = np.uint64(64 - max(1, rows).bit_length())  # the leading bits divide the rows evenly
        self._sorted: NDArray[np.uint64] = np.empty((0, 3), dtype=np.uint64)

    def add(self, rows: Sequence[int], ranges: Sequence[Range]) -> None:
        """Leaves out a range of each of these documents; ranges may overlap."""
        if len(rows):
            added = np.column_stack([np.array(rows, dtype=np.uint64), np.array(ranges, dtype=np.uint64)])
            added[:, 0] <<= self._shift
            self._spill.add(added)

    def finish(self) -> None:
        """Sorts what was added."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("wb") as file:
            for part in self._spill.sorted():
                part.tofile(file)
        if self._path.stat().st_size:
            self._sorted = np.memmap(self._path, dtype=np.uint64, mode="r").reshape(-1, 3)

    def between(self, start: int, end: int) -> dict[int, list[Range]]:
        """Row -> its ranges in order, of the rows from `start` to `end` that have any."""
        bounds = np.array([start, end], dtype=np.uint64) << self._shift
        first, last = np.searchsorted(self._sorted[:, 0], bounds)
        found: dict[int, list[Range]] = defaultdict(list)
        for row, begin, stop in self._sorted[first:last].tolist():
            found[row >> int(self._shift)].append((begin, stop))
        return found


def without(text: str, ranges: Sequence[Range]) -> str:
    """Returns the text without these ranges, which are in the order of their starts, and without white space around."""
    content, kept, end = text.encode(), [], 0
    for start, stop in ranges:
        kept.append(content[end : max(start, end)])
        end = max(end, stop)
    return b"".join([*kept, content[end:]]).decode().strip()
