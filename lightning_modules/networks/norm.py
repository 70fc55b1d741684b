"""The norm of every stack, and of queries and keys."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
