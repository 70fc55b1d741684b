"""What may stand in front of every sample: P positions whose keys and values all its positions see, whatever the mask.

A front is part of no sample and takes no place in a row, so nothing that indexes positions knows of it: packed rows,
prefixes, padding and caches stay as they are. It never sees the text.
Shapes: P positions of the front, L layers, K heads of keys, C width of a head, D width, N numbers of a position in all
layers: L x 2 x K x C.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_modules.networks.config import ModelConfig

KeysValues = tuple[Tensor, Tensor]
"""Of one layer: keys and values, (1, K, P, C) each."""


class Front(nn.Module, ABC):
    """A front of `length` positions."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    @abstractmethod
    def states(self, read: Callable[[Tensor], list[KeysValues]]) -> list[KeysValues]:
        """Returns the keys and values of every layer.

        Args:
            read: reads embeddings (P, D) as the layers do, at the positions -P to -1, from left to right.
        """


class PromptFront(Front):
    """Embeddings that the layers read like those of tokens."""

    def __init__(self, first_PD: Tensor) -> None:
        super().__init__(first_PD.size(0))
        self.table = _table(first_PD)

    def states(self, read: Callable[[Tensor], list[KeysValues]]) -> list[KeysValues]:
        """Reads the embeddings."""
        return read(self.table.weight)


class PrefixFront(Front):
    """Keys and values of its own in every layer."""

    def __init__(self, config: ModelConfig, first_PN: Tensor, source: nn.Module | None = None) -> None:
        """Starts from given numbers.

        Args:
            config: of the network.
            first_PN: keys and values, as `flattened` lays them out.
            source: computes what is added to them, (P, N), and is trained in their place; None trains them.
        """
        super().__init__(first_PN.size(0))
        self.shape = (config.num_layers, 2, config.num_kv_heads, config.head_size)
        self.table = _table(first_PN).requires_grad_(source is None)
        self.source = source

    def numbers(self) -> Tensor:
        """Returns all keys and values (P, N)."""
        return self.table.weight if self.source is None else self.table.weight + self.source()

    def states(self, read: Callable[[Tensor], list[KeysValues]]) -> list[KeysValues]:
        """Returns them by layer."""
        numbers_L2KPC = self.numbers().unflatten(1, self.shape).permute(1, 2, 3, 0, 4)
        return [(key_KPC[None], value_KPC[None]) for key_KPC, value_KPC in numbers_L2KPC]


def flattened(layers: list[KeysValues]) -> Tensor:
    """Returns the keys and values of all layers as (P, N): of each position layer by layer, its keys before values."""
    numbers_L2KPC = torch.stack([torch.cat(pair) for pair in layers])
    return numbers_L2KPC.permute(3, 0, 1, 2, 4).flatten(1)


def _table(first: Tensor) -> nn.Embedding:
    """A table, not a bare parameter: tables are exempt from weight decay."""
    table: nn.Embedding = nn.Embedding.from_pretrained(first.detach().clone(), freeze=False)
    return table
