"""The transformer: attention and feed-forward in every layer, whichever mask the batch asks for.

Shapes: B rows, T positions, D width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import Attention
from lightning_modules.networks.attention import (
    Rotation,
    SelfAttention,
    Visibility,
    rotation,
    visibility,
    visibility_after,
)
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.experts import MixtureOfExperts, router_terms
from lightning_modules.networks.feed_forward import SwiGLU
from lightning_modules.networks.norm import RMSNorm
from lightning_modules.networks.precision import compute_dtype
from lightning_modules.networks.stack import Stack
from lightning_modules.term import Term


class Layer(nn.Module):
    """Attention and feed-forward, each normed before and added after."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = SelfAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config) if config.experts == 1 else MixtureOfExperts(config)
        self.dropout = config.dropout

    def forward(
        self,
        x_BTD: Tensor,
        rotation: Rotation,
        seen: Visibility,
        real_BT: Tensor | None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        x_BTD = x_BTD + self._drop(self.self_attn(self.input_layernorm(x_BTD), rotation, seen, cache))
        return x_BTD + self._drop(self.mlp(self.post_attention_layernorm(x_BTD), real_BT))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Transformer(Stack):
    """Layers of attention; reads in every mode."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, [Layer(config) for _ in range(config.num_layers)])

    def forward(
        self, x_BTD: Tensor, position_ids_BT: Tensor, attention: Attention, cache: KVCache | None = None
    ) -> Tensor:
        length, window = x_BTD.size(1), self.config.attention_window
        if cache is None or cache.real_BS is None:
            seen = visibility(attention, length, x_BTD.device, window)
        else:
            seen = visibility_after(cache, attention, length, window)
        turned = rotation(position_ids_BT, self.config, compute_dtype(x_BTD))
        real_BT = None if attention.sample_ids_BT is None else attention.sample_ids_BT >= 0
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, turned, seen, real_BT, None if cache is None else cache.layers[index])
        normed_BTD: Tensor = self.norm(x_BTD)
        return normed_BTD

    def penalties(self) -> dict[str, Term]:
        return router_terms([layer.mlp for layer in self.layers if isinstance(layer.mlp, MixtureOfExperts)])
