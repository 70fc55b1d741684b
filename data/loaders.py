"""Rows to whole optimizer steps, as a pure function of seed and step.

A *stream* is an endless sequence of the rows of one source and one kind (single or packed): its rows in one order, then
in another, and so on. What does not fill a micro-batch at the end of an epoch is filled up from the next one. Two fixed
interleavings, neither of which knows weights or losses, say which objective each micro-batch feeds and, among those of
an objective, which stream it is read from; so every objective reads the same mixture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.batch import MicroBatch, StepBatch
from data.interleave import interleave
from data.packing import Ints, Packing, Windows, pack
from data.shards import Shards
from data.views.base import View
from data.views.noise import key, permutation, row_seeds


@dataclass(eq=False)
class _Stream:
    shards: Shards
    packing: Packing
    rows: Ints
    """Rows of the packing that belong to it."""
    single: bool
    share: float
    """Part of the micro-batches read from it."""
    seed: int
    name: str
    _orders: dict[int, Ints] = field(default_factory=dict)

    def read(self, first: int, count: int) -> tuple[Windows, NDArray[np.uint64]]:
        """Returns `count` rows from place `first` of the endless sequence, and their seeds."""
        epochs, places = np.divmod(np.arange(first, first + count), len(self.rows))
        self._orders = {epoch: self._order(epoch) for epoch in range(int(epochs[0]), int(epochs[-1]) + 1)}
        rows = np.empty(count, dtype=np.int64)
        seeds = np.empty(count, dtype=np.uint64)
        for epoch, order in self._orders.items():
            here = epochs == epoch
            rows[here] = self.rows[order[places[here]]]
            seeds[here] = row_seeds(key(self.seed, self.name, "noise", epoch), rows[here])
        return self.packing.read(self.shards.tokens, rows, single=self.single), seeds

    def _order(self, epoch: int) -> Ints:
        known = self._orders.get(epoch)
        return permutation(key(self.seed, self.name, "order", epoch), len(self.rows)) if known is None else known


class StepLoader:
    """All steps of a stage, as one rank reads them.

    All ranks get the same objectives in the same order, and different rows.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Shards, float]],
        views: Mapping[str, View[Any]],
        shares: Mapping[str, float],
        *,
        sequence_length: int,
        micro_batch_size: int,
        micro_batches: int,
        steps: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Lays all sources out in rows.

        Args:
            sources: tokens, with their part in the mixture.
            views: what each objective of the stage reads, by its name in the stage.
            shares: part of the micro-batches that feeds each objective.
            sequence_length: positions of a row.
            micro_batch_size: rows of a micro-batch.
            micro_batches: micro-batches of one step on one rank.
            steps: of the whole stage.
            seed: orders the rows and draws the views' noise.
            rank: which of the ranks this is.
            world_size: how many read together.

        Raises:
            ValueError: a source has too little text for one micro-batch, or a view cannot read such micro-batches.
        """
        for name, view in views.items():
            view.check_rows(name, "windows", micro_batch_size)
        self.steps = steps
        self._next_step = 0
        self._views = [views[name] for name in shares]
        self._names = list(shares)
        self._micro_batches = micro_batches
        self._micro_batch_size = micro_batch_size
        self._rank, self._world_size = rank, world_size
        self._streams = [
            stream
            for index, (shards, share) in enumerate(sources)
            for stream in _streams(
                index, shards, share, pack(shards.offsets, sequence_length), micro_batch_size * world_size, seed
            )
        ]
        self._plan(list(shares.values()), steps * micro_batches)

    def _plan(self, shares: list[float], total: int) -> None:
        """For each of the stage's micro-batches: its objective, its stream, and how many were read from that before."""
        self._objective = interleave(shares, total)
        self._stream = np.empty(total, dtype=np.int64)
        self._turn = np.empty(total, dtype=np.int64)
        for index in range(len(shares)):
            own = np.flatnonzero(self._objective == index)
            self._stream[own] = interleave([stream.share for stream in self._streams], len(own))
        for index in range(len(self._streams)):
            own = np.flatnonzero(self._stream == index)
            self._turn[own] = np.arange(len(own))

    def __len__(self) -> int:
        """Steps of the whole stage, those already taken included."""
        return self.steps

    def __iter__(self) -> Iterator[StepBatch]:
        """Yields the steps that are left; the loader counts what it has handed out."""
        while self._next_step < self.steps:
            self._next_step += 1
            yield self.step(self._next_step - 1)

    def step(self, step: int) -> StepBatch:
        """Returns step `step` (0-based) of this rank; depends on nothing that was read before."""
        first = step * self._micro_batches
        return StepBatch(step, [self._micro_batch(index) for index in range(first, first + self._micro_batches)])

    def _micro_batch(self, index: int) -> MicroBatch:
        stream, objective = self._streams[self._stream[index]], int(self._objective[index])
        turn = int(self._turn[index]) * self._world_size + self._rank
        windows, seeds_B = stream.read(turn * self._micro_batch_size, self._micro_batch_size)
        progress = index // self._micro_batches / max(1, self.steps - 1)
        return self._views[objective].at(progress)(windows, seeds_B).feeding(self._names[objective])

    def state_dict(self) -> dict[str, int]:
        """Returns where the loader is: the next step."""
        return {"step": self._next_step}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes on from a `state_dict`; the steps to come are those of an uninterrupted run."""
        self._next_step = state["step"]

    def statistics(self) -> dict[str, float]:
        """Returns what the stage will read.

        `single_share` and `packed_share` are parts of the micro-batches, `padding_fraction` of the positions; `epochs`
        is how often the rows of the most-read stream are read.
        """
        rows_read = len(self._stream) * self._micro_batch_size * self._world_size
        streams = self._streams
        return {
            "single_share": sum(stream.share for stream in streams if stream.single),
            "packed_share": sum(stream.share for stream in streams if not stream.single),
            "padding_fraction": sum(stream.share * _padding(stream) for stream in streams),
            "epochs": max(stream.share * rows_read / len(stream.rows) for stream in streams),
        }


def _streams(source: int, shards: Shards, share: float, packing: Packing, global_rows: int, seed: int) -> list[_Stream]:
    """Splits the rows of a source by kind.

    Neither kind may have fewer rows than all ranks read at once, or a micro-batch would hold a row twice. A single row
    can be read as a packed one (with a mask it does not need), so packed rows are filled up with single ones.
    """
    if packing.rows < global_rows:
        raise ValueError(
            f"source {source + 1} of the stage: its {len(shards.tokens):,} tokens fill {packing.rows:,} rows of "
            f"{packing.sequence_length} positions, fewer than the {global_rows:,} of one micro-batch over all ranks; "
            "add text, or lower sequence_length or the micro-batch"
        )
    single = packing.single_rows
    packed = packing.rows - single
    if packed:
        single -= max(0, global_rows - packed)
    if single < global_rows and packed:
        single = 0
    kinds = [(True, np.arange(single)), (False, np.arange(single, packing.rows))]
    return [
        _Stream(shards, packing, rows, kind, share * len(rows) / packing.rows, seed, f"source {source} single {kind}")
        for kind, rows in kinds
        if len(rows)
    ]


def _padding(stream: _Stream) -> float:
    """All padding of a packing is in its packed rows."""
    return 0.0 if stream.single else stream.packing.padding_fraction * stream.packing.rows / len(stream.rows)


def validation_batches(
    shards: Shards,
    view: View[Any],
    *,
    objective: str,
    sequence_length: int,
    micro_batch_size: int,
    max_positions: int,
    seed: int,
    rank: int = 0,
    world_size: int = 1,
) -> list[MicroBatch]:
    """Returns a fixed set of micro-batches, of at most `max_positions` over all ranks (but one row at least).

    Raises:
        ValueError: the split is empty.
    """
    packing = pack(shards.offsets, sequence_length)
    if not packing.rows:
        raise ValueError("the validation split holds no text; raise its fraction in the recipe's corpus.split")
    chosen = permutation(key(seed, "validation", "order"), packing.rows)[: max(1, max_positions // sequence_length)]
    batches = []
    for single in (True, False):
        rows = chosen[(chosen < packing.single_rows) == single]
        for part in np.array_split(rows, math.ceil(len(rows) / micro_batch_size)) if len(rows) else ():
            windows = packing.read(shards.tokens, part, single=single)
            viewed = view.at(1.0)(windows, row_seeds(key(seed, "validation", "noise"), part))
            batches.append(viewed.feeding(objective))
    return batches[rank::world_size]
