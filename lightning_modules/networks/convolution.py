"""Baseline of equal size: gated causal convolutions whose reach grows with depth.

Source: Dauphin et al. 2017, arXiv:1612.08083 (gated linear units), with the growing dilation of van den Oord et al.
2016, arXiv:1609.03499. Shapes: B rows, T positions, S positions with those of a cache before them, D width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import Attention
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.norm import RMSNorm
from lightning_modules.networks.stack import CausalStack
from lightning_modules.networks.widths import TAPS


class ConvolutionLayer(nn.Module):
    """Value times sigmoid of a gate, both over the position and those `dilation` and twice `dilation` before it."""

    def __init__(self, config: ModelConfig, dilation: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.in_proj = nn.Linear(TAPS * config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.o_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.dilation = dilation
        self.dropout = config.dropout

    def forward(self, x_BTD: Tensor, position_ids_BT: Tensor, cache: LayerCache | None = None) -> Tensor:
        new_BTD = self.input_layernorm(x_BTD)
        (read_BSD,) = (new_BTD,) if cache is None else cache.append(new_BTD, dim=1)
        taps = [self._before(read_BSD, position_ids_BT, tap * self.dilation) for tap in range(TAPS)]
        out_BTD: Tensor = self.o_proj(F.glu(self.in_proj(torch.cat(taps, dim=-1))))
        return x_BTD + F.dropout(out_BTD, self.dropout, self.training)

    def _before(self, read_BSD: Tensor, position_ids_BT: Tensor, distance: int) -> Tensor:
        """Returns (B, T, D): what stands `distance` before each of the last T, zero where the sample is younger."""
        length, columns = position_ids_BT.size(1), read_BSD.size(1)
        first = columns - length - distance
        moved_BTD = F.pad(read_BSD, (0, 0, max(-first, 0), 0)).narrow(1, max(first, 0), length)
        return moved_BTD.masked_fill((position_ids_BT < distance)[..., None], 0.0)


class GatedConvolution(CausalStack):
    """Dilations 1, 3, 9, ...: each layer joins what the one before has joined, until a whole sample is in reach."""

    def __init__(self, config: ModelConfig) -> None:
        depths = max(1, math.ceil(math.log(config.max_positions, TAPS)))
        super().__init__(
            config, [ConvolutionLayer(config, TAPS ** (index % depths)) for index in range(config.num_layers)]
        )

    def forward(
        self, x_BTD: Tensor, position_ids_BT: Tensor, attention: Attention, cache: KVCache | None = None
    ) -> Tensor:
        self.check(attention)
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, position_ids_BT, None if cache is None else cache.layers[index])
        normed_BTD: Tensor = self.norm(x_BTD)
        return normed_BTD
