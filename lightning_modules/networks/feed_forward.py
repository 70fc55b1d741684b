"""The dense feed-forward network of a layer.

Shapes: B rows, T positions, D width, I width inside.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.sparsity import Metered


class SwiGLU(Metered):
    """down(silu(gate(x)) * up(x)) (Shazeer 2020, arXiv:2002.05202); parameter names as in `LlamaMLP`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """Returns (B, T, D). Padding is computed along, which costs less than to leave it out; no meter counts it."""
        inner_BTI = F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD)
        if self.meter is not None:
            self.meter.count(inner_BTI if real_BT is None else inner_BTI[real_BT])
        out_BTD: Tensor = self.down_proj(inner_BTI)
        return out_BTD
