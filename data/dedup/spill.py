"""Rows of integers on disk, come back to in the order of their first column: what does not fit into memory, sorted.

Rows are divided by the leading byte of that column, parts that are still too large by the next byte, and each part is
sorted alone. So memory is bounded by a setting, and the work is linear in the number of rows. What fits is never
written.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.text.kernel import kernel

Rows = NDArray[np.uint64]
"""(R, C): R rows of C columns."""

_PARTS = 256
_WORKING_COPIES = 4
"""A part is held with its order and its sorted copies."""


class Spill:
    """Takes rows in any order; gives them back once, sorted."""

    def __init__(self, folder: Path, columns: int, memory_bytes: int, level: int = 0) -> None:
        """Empties the folder.

        Args:
            folder: for this alone; it is gone when all rows have been given back.
            columns: of every row.
            memory_bytes: about as much is held at one time. Rows whose first columns are equal are held together,
                however many they are.
            level: which byte of the first column divides the rows, the leading one first.
        """
        shutil.rmtree(folder, ignore_errors=True)
        self._folder, self._columns, self._level = folder, columns, level
        self._memory_bytes = memory_bytes
        self._most_held = memory_bytes // _WORKING_COPIES
        self._held: list[Rows] = []
        self._held_bytes = 0

    def add(self, rows: Rows) -> None:
        """Takes (R, columns)."""
        self._held.append(rows)
        self._held_bytes += rows.nbytes
        if self._held_bytes > self._most_held:
            self._write()

    def sorted(self) -> Iterator[Rows]:
        """Yields all rows in the order of their columns, a part at a time; equal first columns are in one part."""
        for rows in self._parts():
            yield rows[np.lexsort(rows.T[::-1])]

    def repeated(self) -> Iterator[Rows]:
        """Yields, sorted, the rows whose first column is that of another row too."""
        for rows in self._parts():
            found = rows[_perhaps_repeated(rows)]
            found = found[np.lexsort(found.T[::-1])]
            same = found[1:, 0] == found[:-1, 0]
            twice = np.zeros(len(found), dtype=np.bool_)
            twice[1:] = same
            twice[:-1] |= same
            yield found[twice]

    def _parts(self) -> Iterator[Rows]:
        """Yields what belongs together, the least first columns first; nothing is left on disk."""
        if not self._folder.exists():
            if self._held:
                yield self._take()
            return
        self._write()
        for path in sorted(self._folder.iterdir()):
            if path.stat().st_size > self._most_held and self._level < 7:
                finer = Spill(self._folder / f"{path.name}-finer", self._columns, self._memory_bytes, self._level + 1)
                for rows in self._read(path):
                    finer.add(rows)
                path.unlink()
                yield from finer._parts()
            else:
                rows = np.fromfile(path, dtype=np.uint64).reshape(-1, self._columns)
                path.unlink()
                yield rows
        self._folder.rmdir()

    def _read(self, path: Path) -> Iterator[Rows]:
        at_once = max(1, self._most_held // (8 * self._columns)) * self._columns
        with path.open("rb") as file:
            while len(numbers := np.fromfile(file, dtype=np.uint64, count=at_once)):
                yield numbers.reshape(-1, self._columns)

    def _write(self) -> None:
        if not self._held:
            return
        rows = self._take()
        self._folder.mkdir(parents=True, exist_ok=True)
        parts = (rows[:, 0] >> np.uint64(56 - 8 * self._level)).astype(np.uint8)
        order = np.argsort(parts, kind="stable")
        ends = np.bincount(parts, minlength=_PARTS).cumsum()
        rows, start = rows[order], 0
        for part, end in enumerate(ends.tolist()):
            if end > start:
                with (self._folder / f"{part:02x}").open("ab") as file:
                    rows[start:end].tofile(file)
            start = end

    def _take(self) -> Rows:
        rows = np.concatenate(self._held)
        self._held, self._held_bytes = [], 0
        return rows


@kernel
def _perhaps_repeated(rows: Rows) -> NDArray[np.bool_]:
    """Returns (R,): true where another row has the same first column, and for about one in eight of the others.

    Counting in a table that keys share is many times faster than sorting what mostly occurs once.
    """
    slots = 8
    while slots < 8 * len(rows):
        slots *= 2
    mask = np.uint64(slots - 1)
    counts = np.zeros(slots, dtype=np.uint8)
    for row in range(len(rows)):
        slot = np.int64(rows[row, 0] & mask)
        counts[slot] = min(np.uint8(2), counts[slot] + np.uint8(1))
    found = np.empty(len(rows), dtype=np.bool_)
    for row in range(len(rows)):
        found[row] = counts[np.int64(rows[row, 0] & mask)] == 2
    return found
