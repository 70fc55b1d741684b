"""Keys and values of the positions already read, for generation.

Shapes: B rows, S positions read so far, K key heads, C head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_modules.networks.config import ModelConfig


class LayerCache:
    """Keys and values of one layer."""

    def __init__(self) -> None:
        self.key_BKSC: Tensor | None = None
        self.value_BKSC: Tensor | None = None

    def append(self, key_BKTC: Tensor, value_BKTC: Tensor) -> tuple[Tensor, Tensor]:
        """Adds T positions and returns all, old and new."""
        if self.key_BKSC is None or self.value_BKSC is None:
            self.key_BKSC, self.value_BKSC = key_BKTC, value_BKTC
        else:
            self.key_BKSC = torch.cat((self.key_BKSC, key_BKTC), dim=2)
            self.value_BKSC = torch.cat((self.value_BKSC, value_BKTC), dim=2)
        return self.key_BKSC, self.value_BKSC


class KVCache:
    """What `Trunk.extend` carries from call to call; starts empty.

    Prompts of unequal length are padded on the **left** (`sample_ids_BT` -1 there), so that every row continues in
    the same column; `position_ids_BT` count from 0 at each row's first real token.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.layers = [LayerCache() for _ in range(config.num_layers)]
        self.real_BS: Tensor | None = None
        """bool, False where a column is padding; None: nothing read yet."""

    def select(self, rows: Tensor) -> None:
        """Keeps the rows of these indices, in their order: for beams, and to drop rows that have ended."""
        if self.real_BS is None:
            return
        self.real_BS = self.real_BS[rows]
        for layer in self.layers:
            if layer.key_BKSC is not None and layer.value_BKSC is not None:
                layer.key_BKSC, layer.value_BKSC = layer.key_BKSC[rows], layer.value_BKSC[rows]
