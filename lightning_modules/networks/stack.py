"""The contract of a stack: what turns embeddings into states.

Shapes: B rows, T positions, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from data.batch import Attention
from lightning_modules.networks.cache import KVCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.norm import RMSNorm
from lightning_modules.term import Term


class Stack(nn.Module, ABC):
    """Layers and the last norm."""

    embed_tokens: nn.Embedding
    """The trunk's token table, which Llama's names put here; no other stack has one."""

    def __init__(self, config: ModelConfig, layers: list[nn.Module]) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(layers)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    @abstractmethod
    def forward(
        self, x_BTD: Tensor, position_ids_BT: Tensor, attention: Attention, cache: KVCache | None = None
    ) -> Tensor:
        """Returns states (B, T, D).

        Args:
            x_BTD: embeddings.
            position_ids_BT: from 0 in every sample.
            attention: who sees whom among the T positions.
            cache: of positions before them, which it then holds too; each row is one sample.

        Raises:
            ValueError: this stack cannot read in the attention's mode.
        """

    def penalties(self) -> dict[str, Term]:
        """Returns the losses of the network's own over its last forward, one for each of `config.penalty_weights`."""
        return {}


class CausalStack(Stack):
    """A stack without attention: it reads every sample from left to right, from a state of nothing."""

    def check(self, attention: Attention) -> None:
        """Raises ValueError for a mode in which a position sees what comes after it."""
        if attention.mode != "causal":
            raise ValueError(
                f"architecture {self.config.architecture!r} reads from left to right only, not in mode "
                f"{attention.mode!r}: set model.architecture to 'transformer'"
            )
