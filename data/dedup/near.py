"""Near duplicates: candidates by locality-sensitive hashing of their sketches, then compared, then joined to clusters.

Source: bands and rows as in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4; empty bins of
short documents borrow from full ones as in Shrivastava and Li 2014, "Densifying One Permutation Hashing via Rotation",
each from a place of its own. Everything is a pure function of the texts: no random state. Memory: 24 bytes a document,
and what `Spill` may hold.
Shapes: N documents, B bins of a sketch, K bands.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.dedup.sketch import BINS, Sketches, estimate
from data.dedup.spill import Rows, Spill
from data.rolling import BASE, mixed
from data.text.kernel import kernel

_MISSED = 0.01  # of the pairs exactly at the threshold, this many may not become candidates
_MOST_BANDS = 40  # each costs 16 bytes a document on disk


def banding(threshold: float) -> tuple[int, int]:
    """Returns bands, and rows of a band, as many as possible: (32, 9) for 0.8.

    At most 1 % of the pairs at the threshold share no band: (1 - threshold^rows)^bands.
    """
    best = (1, 1)
    for rows in range(1, BINS + 1):
        miss = 1.0 - threshold**rows
        bands = math.ceil(math.log(_MISSED) / math.log(miss)) if miss > 0.0 else 1
        if bands > _MOST_BANDS or bands * rows > BINS:
            break
        best = (bands, rows)
    return best


def clusters(
    blocks: Iterable[tuple[Sketches, NDArray[np.int64]]], threshold: float, scratch: Path, memory_bytes: int
) -> NDArray[np.int64]:
    """For each document the one that stands for its cluster: the most preferred.

    A cluster is what is connected by pairs whose estimated similarity is at least `threshold`. Within a band that
    several documents share, each is compared with the first and with the one before it, not with all: texts that are
    alike share many bands, so little is missed, and a thousand copies cost a thousand comparisons, not a million.

    Args:
        blocks: sketches of documents in any order, with their ranks: all ranks together are those from 0, which is
            preferred to all, to N - 1.
        threshold: least similarity.
        scratch: folder for the sketches, and for what does not fit into `memory_bytes`.

    Returns:
        (N,) by rank: the rank of the cluster's first; a document is its cluster's first if its own rank stands there.
    """
    bands, rows = banding(threshold)
    scratch.mkdir(parents=True, exist_ok=True)
    spill = Spill(scratch / "bands", columns=2, memory_bytes=memory_bytes)
    rows_by_rank = _rows_by_rank(_write_sketches(blocks, scratch / "sketches", spill, bands, rows))
    parents = np.arange(len(rows_by_rank))
    if len(parents):
        sketches_NB = np.memmap(scratch / "sketches", dtype=np.uint8, mode="r").reshape(-1, BINS).view(np.ndarray)
        for sharing in spill.repeated():
            _join(parents, sharing, sketches_NB, rows_by_rank, threshold)
        _flatten(parents)
    (scratch / "sketches").unlink()
    return parents


def _write_sketches(
    blocks: Iterable[tuple[Sketches, NDArray[np.int64]]], path: Path, spill: Spill, bands: int, rows: int
) -> NDArray[np.int64]:
    """Lays the sketches out on disk, spills (band key, rank), and returns the ranks (N,) in the order on disk."""
    ranks_N = [np.empty(0, dtype=np.int64)]
    with path.open("wb") as file:
        for sketches_NB, ranks in blocks:
            sketches_NB.tofile(file)
            ranks_N.append(ranks)
            keys_NK = np.empty((len(ranks), bands), dtype=np.uint64)
            filled = np.empty(len(ranks), dtype=np.bool_)
            _band_keys(sketches_NB, rows, keys_NK, filled)
            repeated_ranks = np.repeat(ranks[filled].astype(np.uint64), bands)
            spill.add(np.stack([keys_NK[filled].ravel(), repeated_ranks], axis=1))
    return np.concatenate(ranks_N)


def _rows_by_rank(ranks_N: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.empty(len(ranks_N), dtype=np.int64)
    rows[ranks_N] = np.arange(len(ranks_N))
    return rows


@kernel
def _band_keys(sketches_NB: Sketches, rows: int, keys_NK: Rows, filled_N: NDArray[np.bool_]) -> None:
    """Writes 64-bit keys of the bands of each document; two bands that collide are told apart by the comparison.

    A band reads `rows` bins. For an empty one it reads the first full bin from a place on that is drawn for this one.
    """
    bands = keys_NK.shape[1]
    starts = np.empty(bands * rows, dtype=np.int64)
    for place in range(len(starts)):
        starts[place] = np.int64(mixed(np.uint64(place + 1)) >> np.uint64(32)) % BINS
    following = np.empty(BINS, dtype=np.uint8)
    for document in range(len(sketches_NB)):
        sketch_B = sketches_NB[document]
        full = np.uint8(0)
        for place in range(2 * BINS - 1, -1, -1):  # twice around, for after the last bin comes the first
            value = sketch_B[place % BINS]
            full = value if value else full
            following[place % BINS] = full
        filled_N[document] = full != 0
        for band in range(bands):
            key = np.uint64(band)
            for place in range(band * rows, (band + 1) * rows):
                value = sketch_B[place]
                key = key * BASE + np.uint64(value if value else following[starts[place]])
            keys_NK[document, band] = mixed(key)


@kernel
def _root(parents: NDArray[np.int64], rank: int) -> int:
    while parents[rank] != rank:
        parents[rank] = parents[parents[rank]]
        rank = parents[rank]
    return rank


@kernel
def _join(
    parents: NDArray[np.int64], sharing: Rows, sketches_NB: Sketches, rows_by_rank: NDArray[np.int64], threshold: float
) -> None:
    """Joins what is alike among rows (band key, rank), sorted."""
    first = 0
    for place in range(1, len(sharing)):
        if sharing[place, 0] != sharing[first, 0]:
            first = place
            continue
        for other in (first, place - 1):
            one, two = _root(parents, np.int64(sharing[other, 1])), _root(parents, np.int64(sharing[place, 1]))
            if one != two:
                row, other_row = rows_by_rank[np.int64(sharing[place, 1])], rows_by_rank[np.int64(sharing[other, 1])]
                if estimate(sketches_NB[row], sketches_NB[other_row]) >= threshold:
                    parents[max(one, two)] = min(one, two)


@kernel
def _flatten(parents: NDArray[np.int64]) -> None:
    for rank in range(len(parents)):
        parents[rank] = parents[parents[rank]]  # the one before is flat already, for parents come first
