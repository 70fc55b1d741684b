"""From documents to rows of T positions, without a loop over tokens or documents.

A document longer than T - 1 tokens is cut into windows of T - 1. Every window becomes one *sample*: bos, its tokens,
and eos where the document ends and there is room. Samples that fill a row are *single* rows, read without any mask;
the others are packed several to a row.

Shapes: D documents, W windows, R rows of the text, B rows of a micro-batch, T positions of a row.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.vocabulary import SPECIALS

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows as a view gets them; all int64."""

    input_ids_BT: Ints
    position_ids_BT: Ints
    """From 0 (the bos) in every sample."""
    sample_ids_BT: Ints | None
    """From 0 in every row, -1 on padding. None: each row is one sample without padding."""
    documents_S: Ints | None = None
    """Of each sample, row by row: the number of its document. None: each sample is of another one."""

    def samples(self) -> Ints:
        """Returns `sample_ids_BT`, zeros where every row is one sample."""
        return np.zeros_like(self.input_ids_BT) if self.sample_ids_BT is None else self.sample_ids_BT

    def starts(self) -> Ints:
        """Returns, for each flattened position, that of the bos of its sample; padding starts where it is."""
        return np.arange(self.position_ids_BT.size) - self.position_ids_BT.reshape(-1)

    def goes_on(self) -> NDArray[np.bool_]:
        """Marks the positions (B, T) that are followed by another one of their sample."""
        samples_BT = self.samples()
        goes_on_BT = np.zeros(samples_BT.shape, dtype=bool)
        goes_on_BT[:, :-1] = (samples_BT[:, :-1] == samples_BT[:, 1:]) & (samples_BT[:, :-1] >= 0)
        return goes_on_BT


@dataclass(frozen=True, eq=False)
class Packing:
    """Which windows lie in which row. The first `single_rows` rows are single, the others packed."""

    sequence_length: int
    starts_W: Ints
    """First token of each window in the text; windows are in the order of their rows."""
    lengths_W: Ints
    """Positions of each sample: its tokens, bos, and eos where it has one."""
    ends_W: NDArray[np.bool_]
    """The sample ends in eos."""
    documents_W: Ints
    """Which document a window is of."""
    row_offsets: Ints
    """(R + 1,): row r holds windows row_offsets[r] to row_offsets[r + 1]."""
    single_rows: int

    @property
    def rows(self) -> int:
        """R."""
        return len(self.row_offsets) - 1

    @property
    def padding_fraction(self) -> float:
        """Share of positions that hold nothing."""
        return 1.0 - int(self.lengths_W.sum()) / max(1, self.rows * self.sequence_length)

    def read(self, tokens: NDArray[np.unsignedinteger], rows_B: Ints, *, single: bool) -> Windows:
        """Gathers rows from the text.

        Args:
            tokens: the whole text, possibly memory-mapped.
            rows_B: numbers of the rows.
            single: leave sample ids out; every one of `rows_B` has to be a single row.
        """
        first_B = self.row_offsets[rows_B]
        counts_B = self.row_offsets[rows_B + 1] - first_B
        windows = ranges(first_B, counts_B)
        lengths = self.lengths_W[windows]
        index_in_row = ranges(np.zeros_like(counts_B), counts_B)
        row_starts = np.repeat(np.arange(len(rows_B)) * self.sequence_length, counts_B)
        before = np.cumsum(lengths) - lengths
        columns = before - np.repeat(before[np.cumsum(counts_B) - counts_B], counts_B)

        place = ranges(row_starts + columns, lengths)
        position = ranges(np.zeros_like(lengths), lengths)
        text = np.repeat(self.starts_W[windows], lengths) + position - 1
        is_bos = position == 0
        is_eos = np.repeat(self.ends_W[windows], lengths) & (position == np.repeat(lengths - 1, lengths))
        ids = np.full(len(place), SPECIALS.eos, dtype=np.int64)
        ids[is_bos] = SPECIALS.bos
        ids[~(is_bos | is_eos)] = tokens[text[~(is_bos | is_eos)]]

        shape = (len(rows_B), self.sequence_length)
        input_ids, position_ids, sample_ids = (np.full(shape, fill, dtype=np.int64) for fill in (SPECIALS.pad, 0, -1))
        input_ids.reshape(-1)[place] = ids
        position_ids.reshape(-1)[place] = position
        sample_ids.reshape(-1)[place] = np.repeat(index_in_row, lengths)
        return Windows(input_ids, position_ids, None if single else sample_ids, self.documents_W[windows])


def pack(offsets: Ints, sequence_length: int) -> Packing:
    """Lays documents out in rows.

    Args:
        offsets: (D + 1,) where each document starts in the text, and its end.
        sequence_length: T, at least 4.
    """
    size = sequence_length - 1
    tokens_D = np.diff(offsets)
    windows_D = -(-tokens_D // size)
    index = ranges(np.zeros_like(windows_D), windows_D)
    left = np.repeat(tokens_D, windows_D) - index * size
    starts = np.repeat(offsets[:-1], windows_D) + index * size
    ends = left < size
    lengths = 1 + np.minimum(left, size) + ends

    singles = np.flatnonzero(lengths == sequence_length)
    others = np.flatnonzero(lengths < sequence_length)
    packed, row_sizes = _pack_best_fit(lengths[others], sequence_length)
    order = np.concatenate([singles, others[packed]])
    return Packing(
        sequence_length=sequence_length,
        starts_W=starts[order],
        lengths_W=lengths[order],
        ends_W=ends[order],
        documents_W=np.repeat(np.arange(len(tokens_D)), windows_D)[order],
        row_offsets=np.concatenate([[0], np.cumsum(np.concatenate([np.ones_like(singles), row_sizes]))]),
        single_rows=len(singles),
    )


def ranges(starts: Ints, counts: Ints) -> Ints:
    """Returns start, start + 1, ..., start + count - 1 for each pair, one after another."""
    first = np.cumsum(counts) - counts
    offsets: Ints = np.repeat(starts - first, counts)
    return offsets + np.arange(len(offsets))


def runs(keys_N: Ints) -> tuple[Ints, Ints]:
    """Returns where each run of equal keys, none of them below 0, starts, and its length."""
    first = np.flatnonzero(np.diff(keys_N, prepend=-1))
    return first, np.diff(first, append=len(keys_N))


def _pack_best_fit(lengths_N: Ints, capacity: int) -> tuple[Ints, Ints]:
    """Best-fit-decreasing packing on the histogram of lengths: its cost grows with the capacity, not with N.

    Best fit puts the longest sample left into the fullest row that takes it. Rows filled alike behave alike, so whole
    groups of rows are moved at once. Source: Krell et al. 2021, arXiv:2107.02027, section 3.

    Returns:
        The samples in the order of their rows, and the number of samples in each row.
    """
    histogram = np.bincount(lengths_N, minlength=capacity + 1)
    rooms: list[int] = []  # sorted; `groups[room]` lists (lengths already in the row, number of such rows)
    groups: dict[int, list[tuple[tuple[int, ...], int]]] = {}

    def add(content: tuple[int, ...], rows: int) -> None:
        room = capacity - sum(content)
        if room not in groups:
            insort(rooms, room)
            groups[room] = []
        groups[room].append((content, rows))

    for length in range(capacity, 0, -1):
        left = int(histogram[length])
        while left:
            place = bisect_left(rooms, length)
            if place < len(rooms):
                room = rooms[place]
                content, rows = groups[room].pop()
                if not groups[room]:
                    del groups[room], rooms[place]
            else:
                room, content, rows = capacity, (), left
            each = room // length  # the row just filled is the fullest one, so it takes the next sample too
            full, rest = divmod(min(left, rows * each), each)
            if full:
                add(content + (length,) * each, full)
            if rest:
                add(content + (length,) * rest, 1)
            if content and full + bool(rest) < rows:
                add(content, rows - full - bool(rest))
            left -= full * each + rest

    patterns = [group for room in rooms for group in groups[room]]
    row_sizes = np.repeat(
        np.array([len(content) for content, _ in patterns], dtype=np.int64),
        np.array([rows for _, rows in patterns], dtype=np.int64),
    )
    slots = [np.tile(np.array(content, dtype=np.int64), rows) for content, rows in patterns]
    slot_lengths = np.concatenate([np.empty(0, dtype=np.int64), *slots])
    samples = np.empty(len(lengths_N), dtype=np.int64)
    samples[np.argsort(slot_lengths, kind="stable")] = np.argsort(lengths_N, kind="stable")
    return samples, row_sizes
