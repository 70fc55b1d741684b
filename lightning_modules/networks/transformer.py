"""The transformer: attention and feed-forward in every layer, whichever mask the batch asks for.

Shapes: B rows, T positions, P positions of a front, D width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import Attention
from lightning_modules.networks.attention import (
    Rotation,
    SelfAttention,
    Visibility,
    behind,
    rotation,
    visibility,
    visibility_after,
)
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.experts import MixtureOfExperts, router_terms
from lightning_modules.networks.feed_forward import SwiGLU
from lightning_modules.networks.front import Front, KeysValues
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
        front: KeysValues | None = None,
    ) -> Tensor:
        x_BTD = x_BTD + self._drop(self.self_attn(self.input_layernorm(x_BTD), rotation, seen, cache, front))
        return x_BTD + self._drop(self.mlp(self.post_attention_layernorm(x_BTD), real_BT))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Transformer(Stack):
    """Layers of attention; reads in every mode."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, [Layer(config) for _ in range(config.num_layers)])
        self.front: Front | None = None
        """What an adapter puts in front of every sample."""

    def forward(
        self, x_BTD: Tensor, position_ids_BT: Tensor, attention: Attention, cache: KVCache | None = None
    ) -> Tensor:
        length, window = x_BTD.size(1), self.config.attention_window
        if cache is None or cache.real_BS is None:
            seen = visibility(attention, length, x_BTD.device, window)
        else:
            seen = visibility_after(cache, attention, length, window)
        fronts = self._fronts(cache)
        if self.front is not None:
            seen = behind(self.front.length, seen, length, x_BTD.device)
        turned = rotation(position_ids_BT, self.config, compute_dtype(x_BTD))
        real_BT = None if attention.sample_ids_BT is None else attention.sample_ids_BT >= 0
        for index, layer in enumerate(self.layers):
            own = None if cache is None else cache.layers[index]
            x_BTD = layer(x_BTD, turned, seen, real_BT, own, None if fronts is None else fronts[index])
        normed_BTD: Tensor = self.norm(x_BTD)
        return normed_BTD

    def read_front(self, x_PD: Tensor) -> list[KeysValues]:
        """Returns what every layer makes of embeddings at the positions -P to -1, read from left to right.

        Rotary positions are relative, so text from position 0 on sees them as what was written before it.
        """
        length, cache = x_PD.size(0), KVCache(self.config)
        positions_1P = torch.arange(-length, 0, device=x_PD.device)[None]
        seen = visibility(Attention("causal"), length, x_PD.device, self.config.attention_window)
        turned, x_1PD = rotation(positions_1P, self.config, compute_dtype(x_PD)), x_PD[None]
        for layer, kept in zip(self.layers, cache.layers, strict=True):
            x_1PD = layer(x_1PD, turned, seen, None, kept)
        return [(kept.past[0], kept.past[1]) for kept in cache.layers]

    def _fronts(self, cache: KVCache | None) -> list[KeysValues] | None:
        """What stands in front, by layer; a cache keeps it from call to call."""
        if self.front is None:
            return None
        if cache is None:
            return self.front.states(self.read_front)
        if cache.front is None:
            cache.front = self.front.states(self.read_front)
        return cache.front

    def penalties(self) -> dict[str, Term]:
        return router_terms([layer.mlp for layer in self.layers if isinstance(layer.mlp, MixtureOfExperts)])
