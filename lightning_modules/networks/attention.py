"""Self-attention with rotary positions, and the one predicate that says who sees whom.

Shapes: B rows, T positions, S positions with those of a cache and of a front before them, H heads, K of them for keys,
C head width, D width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import Attention
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.front import KeysValues
from lightning_modules.networks.norm import RMSNorm


class Visibility(NamedTuple):
    """What `scaled_dot_product_attention` is told; without a mask it takes its fastest kernels."""

    mask: Tensor | None
    """bool (B or 1, 1, T, S), True where a query sees a key."""
    is_causal: bool


class Rotation(NamedTuple):
    """Angles of the rotary embedding at each position."""

    cos_B1TC: Tensor
    """(B, 1, T, C/2), in the dtype of the network."""
    sin_B1TC: Tensor


def visibility(attention: Attention, length: int, device: torch.device, window: int | None = None) -> Visibility:
    """Builds the mask of a micro-batch, once for all layers; None where the kernels need none."""
    if attention.sample_ids_BT is None and attention.mode != "prefix" and (window is None or window >= length):
        return Visibility(None, attention.mode == "causal")
    return Visibility(allowed(attention, length, device, window).unsqueeze(1), False)


def visibility_after(cache: KVCache, attention: Attention, length: int, window: int | None = None) -> Visibility:
    """Builds the mask of T positions that continue what the cache holds; `attention` is among themselves.

    All rows continue in the same column, so columns apart are positions apart, whatever the padding before them.
    """
    assert cache.real_BS is not None
    real_BS = cache.real_BS
    rows, past = real_BS.shape
    seen_BTS = real_BS[:, None, :].expand(-1, length, -1)
    if window is not None and window < past + length:
        column = torch.arange(past + length, device=real_BS.device)
        seen_BTS = seen_BTS & (column[past:, None] - column[:past] < window)
    new_BTT = allowed(attention, length, real_BS.device, window).expand(rows, -1, -1)
    return Visibility(torch.cat((seen_BTS, new_BTT), dim=2).unsqueeze(1), False)


def behind(front: int, seen: Visibility, length: int, device: torch.device) -> Visibility:
    """Adds so many columns in front that every one of T positions sees."""
    if seen.mask is not None:
        return Visibility(F.pad(seen.mask, (front, 0), value=True), False)
    if not seen.is_causal:
        return seen
    return Visibility(
        torch.ones(length, front + length, dtype=torch.bool, device=device).tril(front)[None, None], False
    )


def allowed(attention: Attention, length: int, device: torch.device, window: int | None = None) -> Tensor:
    """Returns bool (B or 1, T, T): True where query (second axis) sees key (third axis).

    Both must be of one sample; then the key must not be later, unless the mode is `full` or the key is in a prefix;
    and it must stand less than `window` places away in the row, to either side, in a prefix as elsewhere.
    Padding (-1) sees padding, so no row of the mask is empty: an empty row is NaN in some kernels.

    Raises:
        ValueError: mode `prefix` without `in_prefix_BT`.
    """
    mask = torch.ones(1, length, length, dtype=torch.bool, device=device)
    if attention.mode != "full":
        mask = mask.tril()
    if attention.mode == "prefix":
        if attention.in_prefix_BT is None:
            raise ValueError("attention mode 'prefix' needs in_prefix_BT: it says which positions all of a sample sees")
        mask = mask | attention.in_prefix_BT[:, None, :]
    if window is not None and window < length:
        mask = mask & torch.ones_like(mask[:1]).tril(window - 1).triu(1 - window)
    if attention.sample_ids_BT is not None:
        mask = mask & (attention.sample_ids_BT[:, :, None] == attention.sample_ids_BT[:, None, :])
    return mask


def rotation(position_ids_BT: Tensor, config: ModelConfig, dtype: torch.dtype) -> Rotation:
    """Angles in fp32 (bf16 cannot count past 256), then in the network's dtype.

    Source: Su et al. 2021, arXiv:2104.09864, in the half-split layout of Llama checkpoints.
    """
    exponents = torch.arange(0, config.head_size, 2, dtype=torch.float32, device=position_ids_BT.device)
    frequencies = 1.0 / config.rope_theta ** (exponents / config.head_size)
    angles = (position_ids_BT[:, None, :, None].float() * frequencies).float()
    return Rotation(angles.cos().to(dtype), angles.sin().to(dtype))


def rotate(states_BHTC: Tensor, rotation: Rotation) -> Tensor:
    """Turns each pair (i, i + C/2) by its position's angle."""
    first, second = states_BHTC.chunk(2, dim=-1)
    cos, sin = rotation
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class SelfAttention(nn.Module):
    """Multi-head attention without biases; parameter names as in `LlamaAttention`, and with norms as in Qwen3's."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_size = config.head_size
        self.grouped = config.num_kv_heads != config.num_heads
        keys_size = config.num_kv_heads * config.head_size
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, keys_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, keys_size, bias=False)
        self.o_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        if config.qk_norm:
            self.q_norm = RMSNorm(config.head_size, config.rms_norm_eps)
            self.k_norm = RMSNorm(config.head_size, config.rms_norm_eps)
        self.qk_norm = config.qk_norm

    def forward(
        self,
        x_BTD: Tensor,
        rotation: Rotation,
        seen: Visibility,
        cache: LayerCache | None = None,
        front: KeysValues | None = None,
    ) -> Tensor:
        query_BHTC, key_BKSC = self._heads(self.q_proj(x_BTD)), self._heads(self.k_proj(x_BTD))
        if self.qk_norm:
            query_BHTC, key_BKSC = self.q_norm(query_BHTC), self.k_norm(key_BKSC)
        query_BHTC, key_BKSC = rotate(query_BHTC, rotation), rotate(key_BKSC, rotation)
        value_BKSC = self._heads(self.v_proj(x_BTD))
        if cache is not None:
            key_BKSC, value_BKSC = cache.append(key_BKSC, value_BKSC, dim=2)
        if front is not None:
            key_BKSC, value_BKSC = _joined(front[0], key_BKSC), _joined(front[1], value_BKSC)
        mixed_BHTC = F.scaled_dot_product_attention(
            query_BHTC, key_BKSC, value_BKSC, attn_mask=seen.mask, is_causal=seen.is_causal, enable_gqa=self.grouped
        )
        out_BTD: Tensor = self.o_proj(mixed_BHTC.transpose(1, 2).flatten(2))
        return out_BTD

    def _heads(self, x_BTD: Tensor) -> Tensor:
        heads_BTHC: Tensor = x_BTD.unflatten(-1, (-1, self.head_size))
        return heads_BTHC.transpose(1, 2)


def _joined(front_1KPC: Tensor, own_BKTC: Tensor) -> Tensor:
    front_BKPC = front_1KPC.to(own_BKTC.dtype).expand(own_BKTC.size(0), -1, -1, -1)
    return torch.cat((front_BKPC, own_BKTC), dim=2)
