"""The layers of the trunk: norms, feed-forward, and the stack of both with attention.

Shapes: B rows, T positions, D width.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.attention import Rotation, SelfAttention, Visibility, rotation
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.precision import compute_dtype


class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) * weight (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        # The fused kernel of CUDA wants one dtype for both. The CPU has none: what torch puts in its place takes three
        # times as long as `_RMSNorm`, unless a compiler fuses it.
        weight = self.weight.to(x.dtype)
        if x.is_cuda or torch.compiler.is_compiling():
            return F.rms_norm(x, weight.shape, weight, self.eps)
        normed: Tensor = _RMSNorm.apply(x, weight, self.eps)
        return normed


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        exact = torch.promote_types(x.dtype, torch.float32)
        mean_square = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=exact).square_().div_(x.size(-1))
        scale = mean_square.add_(eps).rsqrt_().to(x.dtype)
        normed: Tensor = x * scale
        ctx.save_for_backward(normed, scale, weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        normed, scale, weight = ctx.saved_tensors
        grad_weight = (grad * normed).flatten(0, -2).sum(0)
        grad_normed = grad * weight
        along = torch.linalg.vecdot(grad_normed, normed).unsqueeze(-1).div_(normed.size(-1))
        return torch.addcmul(grad_normed, normed, along, value=-1).mul_(scale), grad_weight, None


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) (Shazeer 2020, arXiv:2002.05202); parameter names as in `LlamaMLP`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention and feed-forward, each normed before and added after."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = SelfAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config)
        self.dropout = config.dropout

    def forward(self, x_BTD: Tensor, rotation: Rotation, seen: Visibility, cache: LayerCache | None = None) -> Tensor:
        x_BTD = x_BTD + self._drop(self.self_attn(self.input_layernorm(x_BTD), rotation, seen, cache))
        return x_BTD + self._drop(self.mlp(self.post_attention_layernorm(x_BTD)))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Stack(nn.Module):
    """Layers and the last norm: what turns embeddings into states."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x_BTD: Tensor, position_ids_BT: Tensor, seen: Visibility, cache: KVCache | None = None) -> Tensor:
        turned = rotation(position_ids_BT, self.config, compute_dtype(x_BTD))
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, turned, seen, None if cache is None else cache.layers[index])
        normed_BTD: Tensor = self.norm(x_BTD)
        return normed_BTD
