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
from lightning_modules.networks.cache import KVCache
from lightning_modules.networks.config import Architecture, ModelConfig
from lightning_modules.networks.convolution import GatedConvolution
from lightning_modules.networks.initialization import initialize
from lightning_modules.networks.recurrent import Recurrent
from lightning_modules.networks.stack import Stack
from lightning_modules.networks.transformer import Transformer
from lightning_modules.term import Term

STACKS: dict[Architecture, type[Transformer] | type[Recurrent] | type[GatedConvolution]] = {
    "convolution": GatedConvolution,
    "lstm": Recurrent,
    "transformer": Transformer,
}


class Trunk(nn.Module):
    """A stack between the token table, which is also the output projection, and the objectives.

    The transformer has pre-norm RMSNorm, rotary positions, SwiGLU and no biases.
    """

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        """Draws the first weights from `seed`, the same whatever torch's global generator holds."""
        super().__init__()
        self.config = config
        self.model: Stack = STACKS[config.architecture](config)
        self.model.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
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
        hidden_BTD: Tensor = self.model(self.embed(batch), batch.position_ids_BT, batch.attention)
        return hidden_BTD

    def penalties(self) -> dict[str, Term]:
        """Returns the losses of the network's own over its last forward, and forgets them.

        A model with experts has `router_balance` and `router_z`, with one unit a layer; a dense one has none. What
        their means are multiplied by is in the config's `penalty_weights`.
        """
        return self.model.penalties()

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
        hidden_BTD: Tensor = self.model(self.model.embed_tokens(input_ids_BT), position_ids_BT, attention, cache)
        cache.note(input_ids_BT, attention)
        return hidden_BTD
