"""The backbone that every objective reads: tokens in, hidden states out, logits where asked.

Parameter names and shapes are those of transformers' `LlamaForCausalLM` with tied embeddings, and the tables of
segments and of places in spans beside them. Shapes: B rows, T positions, D width, M rows of interest, V vocabulary
entries.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import Attention, TokenBatch
from lightning_modules.networks.attention import Visibility, allowed, visibility
from lightning_modules.networks.cache import KVCache
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.initialization import initialize
from lightning_modules.networks.layers import Stack


class Decoder(Stack):
    """A stack with its token table: the `model.` of a Llama checkpoint."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)


class Trunk(nn.Module):
    """Pre-norm RMSNorm, rotary positions, SwiGLU, no biases; the token table is also the output projection."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        """Draws the first weights from `seed`, the same whatever torch's global generator holds."""
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.segments = nn.Embedding(config.segments, config.hidden_size, padding_idx=0)
        self.span_positions: nn.Embedding | None = None
        if config.span_positions:
            self.span_positions = nn.Embedding(config.span_positions, config.hidden_size, padding_idx=0)
        initialize(self, seed, residual_layers=config.num_layers)
        for table in (self.segments, self.span_positions):
            if table is not None:
                with torch.no_grad():
                    table.weight[0] = 0.0

    @property
    def vocabulary_VD(self) -> Tensor:
        """The table that reads tokens and, transposed, predicts them."""
        return self.model.embed_tokens.weight

    def hidden(self, batch: TokenBatch) -> Tensor:
        """Returns states (B, T, D) after the last norm, under the batch's attention."""
        x_BTD = self.embed(batch)
        seen = visibility(batch.attention, batch.input_ids_BT.size(1), x_BTD.device)
        hidden_BTD: Tensor = self.model(x_BTD, batch.position_ids_BT, seen)
        return hidden_BTD

    def embed(self, batch: TokenBatch) -> Tensor:
        """Returns (B, T, D): what the first layer reads."""
        x_BTD = self.model.embed_tokens(batch.input_ids_BT)
        if batch.segment_ids_BT is not None:
            x_BTD = x_BTD + self.segments(batch.segment_ids_BT)
        if batch.span_position_ids_BT is not None:
            assert self.span_positions is not None  # `check_model` of the objective has seen to it
            x_BTD = x_BTD + self.span_positions(batch.span_position_ids_BT)
        return F.dropout(x_BTD, self.config.dropout, self.training)

    def project(self, hidden_MD: Tensor) -> Tensor:
        """Returns logits (M, V). For a loss over many rows use `objectives/cross_entropy.py`, which keeps no logits."""
        return F.linear(hidden_MD, self.vocabulary_VD)

    def extend(
        self, input_ids_BT: Tensor, position_ids_BT: Tensor, cache: KVCache, attention: Attention | None = None
    ) -> Tensor:
        """Reads T more positions of each row after those in the cache; returns their states (B, T, D).

        Args:
            input_ids_BT: the prompt in the first call (padded on the left), then usually one token a row.
            position_ids_BT: counted from 0 at each row's first real token.
            cache: of the rows so far; grows by T.
            attention: who sees whom among the new positions, all of which also see what is real in the cache; None
                is causal without padding. One sample a row; -1 in its `sample_ids_BT` marks padding.
        """
        attention = attention or Attention("causal")
        rows, length = input_ids_BT.shape
        x_BTD = self.model.embed_tokens(input_ids_BT)
        new_BT = (
            torch.ones(rows, length, dtype=torch.bool, device=x_BTD.device)
            if attention.sample_ids_BT is None
            else attention.sample_ids_BT >= 0
        )
        if cache.real_BS is None:
            seen = visibility(attention, length, x_BTD.device)
            cache.real_BS = new_BT
        else:
            new_BTT = allowed(attention, length, x_BTD.device).expand(rows, -1, -1)
            past_BTS = cache.real_BS[:, None, :].expand(-1, length, -1)
            seen = Visibility(torch.cat((past_BTS, new_BTT), dim=2).unsqueeze(1), False)
            cache.real_BS = torch.cat((cache.real_BS, new_BT), dim=1)
        hidden_BTD: Tensor = self.model(x_BTD, position_ids_BT, seen, cache)
        return hidden_BTD
