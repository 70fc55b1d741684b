"""What the layers keep of the positions already read, for generation.

Shapes: B rows, S positions read so far.
"""

from __future__ import annotations

import torch
from torch import Tensor

from data.batch import Attention
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.front import KeysValues


class LayerCache:
    """What one layer keeps: keys and values, an LSTM's state, or what a convolution has read."""

    def __init__(self) -> None:
        self.past: tuple[Tensor, ...] = ()
        """Tensors whose first axis is B; empty: nothing read yet."""

    def append(self, *new: Tensor, dim: int) -> tuple[Tensor, ...]:
        """Adds positions, which are axis `dim` of each tensor, and returns all, old and new."""
        self.past = tuple(torch.cat(pair, dim) for pair in zip(self.past, new, strict=True)) if self.past else new
        return self.past


class KVCache:
    """What `Trunk.extend` carries from call to call; starts empty.

    Prompts of unequal length are padded on the **left** (`sample_ids_BT` -1 there), so that every row continues in
    the same column; `position_ids_BT` count from 0 at each row's first real token.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.layers = [LayerCache() for _ in range(config.num_layers)]
        self.real_BS: Tensor | None = None
        """bool, False where a column is padding; None: nothing read yet."""
        self.front: list[KeysValues] | None = None
        """What stands in front of every row, by layer, computed by the first call; None: nothing, or no call yet."""

    def note(self, input_ids_BT: Tensor, attention: Attention) -> None:
        """Notes that the layers have read these positions too, and which of them are real."""
        new_BT = (
            torch.ones_like(input_ids_BT, dtype=torch.bool)
            if attention.sample_ids_BT is None
            else attention.sample_ids_BT >= 0
        )
        self.real_BS = new_BT if self.real_BS is None else torch.cat((self.real_BS, new_BT), dim=1)

    def select(self, rows: Tensor) -> None:
        """Keeps the rows of these indices, in their order: for beams, and to drop rows that have ended."""
        if self.real_BS is None:
            return
        self.real_BS = self.real_BS[rows]
        for layer in self.layers:
            layer.past = tuple(tensor[rows] for tensor in layer.past)
