"""Baseline of equal size: LSTMs, each normed before and added after like the layers of the transformer.

Source: Hochreiter and Schmidhuber 1997, with a forget gate that starts open (Jozefowicz et al. 2015, section 4).
Shapes: B rows, T positions, N = B T, S samples, D width, I size of the state.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from data.batch import Attention
from lightning_modules.networks.cache import KVCache, LayerCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.norm import RMSNorm
from lightning_modules.networks.stack import CausalStack


class Samples(NamedTuple):
    """The order in which an LSTM reads samples of unequal length at once: all first positions, all second ones, ...

    At each place the longest sample comes first, so those that have ended are missing at the end.
    """

    order_N: Tensor
    """Flattened positions of the rows, in reading order."""
    sizes: Tensor
    """int64 on the CPU: samples that have a first position, a second one, ..."""
    last_B: Tensor
    """Rank by length of each row's last sample."""

    @classmethod
    def of(cls, sample_ids_BT: Tensor) -> Samples:
        """Finds the samples: runs of one id in a row. Padding is read as a sample of its own."""
        first_BT = torch.ones_like(sample_ids_BT, dtype=torch.bool)
        first_BT[:, 1:] = sample_ids_BT[:, 1:] != sample_ids_BT[:, :-1]
        sample_N = first_BT.flatten().cumsum(0) - 1
        start_S = first_BT.flatten().nonzero().squeeze(1)
        place_N = torch.arange(len(sample_N), device=sample_N.device) - start_S[sample_N]
        rank_S = torch.bincount(sample_N).argsort(descending=True, stable=True).argsort()
        order_N = (place_N * len(start_S) + rank_S[sample_N]).argsort()
        return cls(order_N, torch.bincount(place_N).cpu(), rank_S[sample_N.view_as(sample_ids_BT)[:, -1]])


class RecurrentLayer(nn.Module):
    """One LSTM on the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lstm = nn.LSTM(config.hidden_size, config.intermediate_size, batch_first=True)
        self.o_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.dropout = config.dropout

    @torch.compiler.disable  # its own kernels are as fast
    def forward(self, x_BTD: Tensor, samples: Samples | None, cache: LayerCache | None = None) -> Tensor:
        normed_BTD = self.input_layernorm(x_BTD)
        if samples is None:
            past = tuple(state_BI[None] for state_BI in cache.past) if cache is not None and cache.past else None
            states_BTI, (h, c) = self.lstm(normed_BTD, past)
            last = (h[0], c[0])
        else:
            read = PackedSequence(normed_BTD.flatten(0, 1)[samples.order_N], samples.sizes)
            states, (h, c) = self.lstm(read)
            states_BTI = torch.empty_like(states.data).index_copy(0, samples.order_N, states.data)
            states_BTI = states_BTI.unflatten(0, x_BTD.shape[:2])
            last = (h[0, samples.last_B], c[0, samples.last_B])
        if cache is not None:
            cache.past = last
        return x_BTD + F.dropout(self.o_proj(states_BTI), self.dropout, self.training)


class Recurrent(CausalStack):
    """LSTMs over each sample from its beginning, whatever stands before it in the row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, [RecurrentLayer(config) for _ in range(config.num_layers)])

    def forward(
        self, x_BTD: Tensor, position_ids_BT: Tensor, attention: Attention, cache: KVCache | None = None
    ) -> Tensor:
        self.check(attention)
        if cache is not None and cache.real_BS is not None and attention.sample_ids_BT is not None:
            raise ValueError("what continues a cache is one sample a row, without padding: leave sample_ids_BT out")
        samples = None if attention.sample_ids_BT is None else Samples.of(attention.sample_ids_BT)
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, samples, None if cache is None else cache.layers[index])
        normed_BTD: Tensor = self.norm(x_BTD)
        return normed_BTD
