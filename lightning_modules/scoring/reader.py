"""A network that is asked about texts, a batch at a time. Shapes: N rows in all, B of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.batch import TokenBatch
from data.example_rows import Rows
from data.packing import Ints
from data.tokenizer import Tokenizer
from data.views.base import View, ViewContext
from lightning_modules.networks import Trunk
from lightning_modules.scoring.batches import Progress, by_length


@dataclass(frozen=True)
class Reader:
    """The network, and how much it reads at once."""

    trunk: Trunk
    tokenizer: Tokenizer
    length: int
    """Longest row in positions."""
    positions: int
    """Of a batch."""
    progress: Progress = lambda done, total: None

    @property
    def context(self) -> ViewContext:
        """What views need to know."""
        return ViewContext(self.tokenizer.vocabulary, self.length, alignment="shifted")

    def batches(self, view: View[Any], rows: Rows, lengths_N: Sequence[int]) -> Iterator[tuple[Ints, TokenBatch]]:
        """Yields the indices of some rows, and the batch of them on the network's device."""
        device = self.trunk.vocabulary_VD.device
        for chosen in by_length(lengths_N, self.positions, self.progress):
            yield chosen, view(rows.take(chosen), np.zeros(len(chosen), np.uint64)).batch.to(device)
