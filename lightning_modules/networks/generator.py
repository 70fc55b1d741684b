"""The small network beside the trunk that proposes replacements for `replaced_token`.

Shapes: B rows, T positions, D trunk width, G generator width.
"""

from __future__ import annotations

from torch import Tensor, nn

from data.batch import TokenBatch
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.transformer import Transformer
from lightning_modules.networks.trunk import Trunk


class Generator(nn.Module):
    """Layers of its own between two projections, from the trunk's embeddings and back to its output table."""

    def __init__(self, config: ModelConfig, trunk_size: int) -> None:
        """Builds a stack of the shape `config` for a trunk of width `trunk_size`."""
        super().__init__()
        self.narrow = nn.Linear(trunk_size, config.hidden_size, bias=False)
        self.stack = Transformer(config)
        self.widen = nn.Linear(config.hidden_size, trunk_size, bias=False)

    def forward(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns states (B, T, D) that `trunk.project` can read."""
        x_BTG = self.narrow(trunk.embed(batch))
        hidden_BTD: Tensor = self.widen(self.stack(x_BTG, batch.position_ids_BT, batch.attention))
        return hidden_BTD
