"""Contrastive learning: the rows as they are, read to both sides, and which of their samples are the same text.

Shapes: B rows, T positions, N of them real, S samples.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import TokenBatch
from data.config import Config
from data.packing import Ints, Windows
from data.views.base import View, Viewed, attention, batch_seed, flat
from data.views.noise import mix


class ContrastiveViewConfig(Config):
    """What `contrastive` reads: nothing to choose."""


class ContrastiveView(View[ContrastiveViewConfig]):
    """Every sample is a text; texts of one class are equal token by token.

    Where a micro-batch holds no two different texts, none is left: there is nothing to tell them apart from.
    """

    min_rows = 2

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows, the bos of every sample and the class of its text."""
        real_N = np.flatnonzero(rows.samples() >= 0)
        pool_S, first_S = np.unique(rows.starts()[real_N], return_index=True)
        classes, labels_S = np.unique(_digests(rows, real_N, first_S), return_inverse=True)
        if len(classes) < 2:
            pool_S, labels_S = pool_S[:0], labels_S[:0]
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(rows.input_ids_BT),
            position_ids_BT=torch.from_numpy(rows.position_ids_BT),
            attention=attention("full", rows),
            seed=batch_seed(seeds_B),
            pool_S=flat(pool_S),
            labels_S=flat(labels_S),
        )
        text_tokens = int((~self.vocabulary.is_special[rows.input_ids_BT]).sum())
        return Viewed(batch, {"contrastive": len(pool_S)}, text_tokens)


def _digests(rows: Windows, real_N: Ints, first_S: Ints) -> NDArray[np.uint64]:
    """Returns a 64-bit digest of the tokens of each sample with their positions."""
    ids_N, positions_N = (array.reshape(-1)[real_N] for array in (rows.input_ids_BT, rows.position_ids_BT))
    mixed_N = mix(ids_N.astype(np.uint64) ^ mix(positions_N.astype(np.uint64)))
    digests_S: NDArray[np.uint64] = np.add.reduceat(mixed_N, first_S)
    return digests_S
