"""Samples made of segments: `[bos] A [sep] B ...`, each sample in the place that its text has in its row.

Shapes: B rows, T positions, S samples, M segments of each.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.packing import Ints, Windows, ranges
from data.views.base import batch_seed, flat
from data.vocabulary import SPECIALS


class Segments(NamedTuple):
    """Where the text of the presented segments is read, as flattened positions of the rows."""

    pool_S: Ints
    """The bos of each sample, ascending."""
    starts_SM: Ints
    lengths_SM: Ints


def present(
    segments: Segments, rows: Windows, labels_S: Ints, seeds_B: NDArray[np.uint64], *, closed: bool
) -> TokenBatch:
    """Returns the samples, read to both sides and judged by the state of bos; all else is padding.

    Args:
        segments: no sample may take more positions than it has in its row.
        rows: where the text is read.
        labels_S: class of each sample.
        seeds_B: one seed a row.
        closed: a separator follows the last segment too.
    """
    pool_S, starts_SM, lengths_SM = segments
    m, shape = lengths_SM.shape[1], rows.input_ids_BT.shape
    targets_SM = pool_S[:, None] + 1 + np.cumsum(lengths_SM, axis=1) - lengths_SM + np.arange(m)
    source = ranges(starts_SM.reshape(-1), lengths_SM.reshape(-1))
    target = ranges(targets_SM.reshape(-1), lengths_SM.reshape(-1))
    separated = m if closed else m - 1
    separators = (targets_SM + lengths_SM)[:, :separated].reshape(-1)
    filled = np.concatenate([pool_S, target, separators])

    input_ids_BT, position_ids_BT, segment_ids_BT, sample_ids_BT = (
        np.full(shape, fill, dtype=np.int64) for fill in (SPECIALS.pad, 0, 0, -1)
    )
    input_ids_BT.reshape(-1)[target] = rows.input_ids_BT.reshape(-1)[source]
    input_ids_BT.reshape(-1)[pool_S] = SPECIALS.bos
    input_ids_BT.reshape(-1)[separators] = SPECIALS.sep
    segment_ids_BT.reshape(-1)[target] = np.repeat(np.tile(np.arange(m), len(pool_S)), lengths_SM.reshape(-1))
    segment_ids_BT.reshape(-1)[separators] = np.tile(np.arange(separated), len(pool_S))
    # A sample stays in its place, and so do its positions.
    position_ids_BT.reshape(-1)[filled] = rows.position_ids_BT.reshape(-1)[filled]
    sample_ids_BT.reshape(-1)[filled] = rows.samples().reshape(-1)[filled]
    return TokenBatch(
        input_ids_BT=torch.from_numpy(input_ids_BT),
        position_ids_BT=torch.from_numpy(position_ids_BT),
        attention=Attention("full", torch.from_numpy(sample_ids_BT)),
        seed=batch_seed(seeds_B),
        segment_ids_BT=torch.from_numpy(segment_ids_BT),
        pool_S=flat(pool_S),
        labels_S=flat(labels_S),
    )
