"""transformers' own models in the steps their users write: of equal size, on the batches that our views make.

They project every position onto the vocabulary and leave out what is labelled -100. All rows are one sample without
padding, so neither they nor we need a mask; our alignment is `shifted`.
Shapes: B rows, T positions, M hidden positions, V vocabulary entries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from transformers import (
    BertConfig,
    BertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    LlamaConfig,
    LlamaForCausalLM,
)

from data.batch import TokenBatch
from data.examples import ExampleLoader
from data.loaders import StepLoader
from lightning_modules.networks import ModelConfig
from lightning_modules.objectives.replaced_token import ReplacedTokenConfig

_PLAIN_OVER_GATED = 3 / 2
"""A plain feed-forward has two matrices where ours has three: so much wider, it weighs the same."""
DISCRIMINATOR_WEIGHT = 50.0


class Peer(nn.Module, ABC):
    """A model of transformers with what it takes to learn from one of our batches."""

    @abstractmethod
    def loss(self, batch: TokenBatch) -> Tensor:
        """Returns the mean loss, as the library computes it."""


class Llama(Peer):
    """`causal_lm`."""

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        shape = {
            name: getattr(model, name)
            for name in ("vocab_size", "hidden_size", "intermediate_size", "rope_theta", "rms_norm_eps")
        }
        self.model = LlamaForCausalLM(
            LlamaConfig(
                num_hidden_layers=model.num_layers,
                num_attention_heads=model.num_heads,
                num_key_value_heads=model.num_kv_heads,
                max_position_embeddings=model.max_positions,
                tie_word_embeddings=True,
                use_cache=False,
                **shape,
            )
        )

    def loss(self, batch: TokenBatch) -> Tensor:
        loss: Tensor = self.model(input_ids=batch.input_ids_BT, labels=batch.input_ids_BT).loss
        return loss


class Bert(Peer):
    """`masked_lm`."""

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        self.model = BertForMaskedLM(BertConfig(**_encoder(model)))

    def loss(self, batch: TokenBatch) -> Tensor:
        assert batch.predict_M is not None and batch.targets_M is not None
        hidden_M = batch.predict_M + 1  # ours predicts a token from the state before it
        labels_BT = _labels(batch, hidden_M, batch.targets_M)
        loss: Tensor = self.model(input_ids=batch.input_ids_BT, labels=labels_BT).loss
        return loss


class Electra(Peer):
    """`replaced_token`: generator and discriminator with the embeddings in common."""

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        small = ReplacedTokenConfig().generator_network(model)
        self.discriminator = ElectraForPreTraining(ElectraConfig(embedding_size=model.hidden_size, **_encoder(model)))
        self.generator = ElectraForMaskedLM(ElectraConfig(embedding_size=model.hidden_size, **_encoder(small)))
        self.generator.electra.embeddings = self.discriminator.electra.embeddings
        self.generator.tie_weights()

    def loss(self, batch: TokenBatch) -> Tensor:
        assert batch.original_ids_BT is not None and batch.corrupted_M is not None
        original = batch.original_ids_BT.flatten()
        labels_BT = _labels(batch, batch.corrupted_M, original[batch.corrupted_M])
        proposed = self.generator(input_ids=batch.input_ids_BT, labels=labels_BT)
        with torch.no_grad():
            probabilities_MV = proposed.logits.flatten(0, 1)[batch.corrupted_M].float().softmax(-1)
            shown = original.index_copy(0, batch.corrupted_M, torch.multinomial(probabilities_MV, 1).squeeze(-1))
        replaced = (shown != original).long()
        told = self.discriminator(
            input_ids=shown.view_as(batch.original_ids_BT), labels=replaced.view_as(batch.original_ids_BT)
        )
        loss: Tensor = proposed.loss + DISCRIMINATOR_WEIGHT * told.loss
        return loss


PEERS: dict[str, type[Llama] | type[Bert] | type[Electra]] = {
    "causal_lm": Llama,
    "masked_lm": Bert,
    "replaced_token": Electra,
}
"""Objective -> what transformers has for it."""


class PeerLoop:
    """A peer in a bare loop: forward, backward, clipping, fused AdamW."""

    def __init__(self, peer: Peer, loader: StepLoader | ExampleLoader, autocast: bool) -> None:
        self.peer, self.loader, self.autocast = peer.train(), loader, autocast
        self.optimizer = torch.optim.AdamW(peer.parameters(), lr=1e-3, fused=True)

    def step(self, number: int) -> None:
        """Loads a step's micro-batches and learns from them."""
        step = self.loader.step(number)
        for micro in step.micro_batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
                loss = self.peer.loss(micro.batch) / len(step.micro_batches)
            loss.backward()
        clip_grad_norm_(self.peer.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def _encoder(model: ModelConfig) -> dict[str, Any]:
    """Returns the settings that BERT and ELECTRA share for a network of the same size, without dropout, as ours."""
    return {
        "vocab_size": model.vocab_size,
        "hidden_size": model.hidden_size,
        "num_hidden_layers": model.num_layers,
        "num_attention_heads": model.num_heads,
        "intermediate_size": round(model.intermediate_size * _PLAIN_OVER_GATED),
        "max_position_embeddings": model.max_positions,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def _labels(batch: TokenBatch, places_M: Tensor, targets_M: Tensor) -> Tensor:
    """Returns (B, T): the targets at these flattened places, -100 elsewhere."""
    labels_BT = torch.full_like(batch.input_ids_BT, -100)
    labels_BT.view(-1)[places_M] = targets_M
    return labels_BT
