"""Contrastive learning: two readings of a text, alike but for dropout, are nearer each other than other texts are.

Source: Gao et al. 2021 (SimCSE), arXiv:2104.08821, section 3. A micro-batch passes the trunk twice, so it costs twice
what its positions say. In validation dropout is on as in training, drawn from the batch's seed: without it both
readings would be one, and every text would recognise itself.
Shapes: B rows, T positions, N = B x T of them flattened, D width, S texts.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.views.contrastive import ContrastiveViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term


class ContrastiveConfig(ContrastiveViewConfig):
    """Settings of `contrastive`."""

    pooling: Literal["mean", "bos"] = "mean"
    """What stands for a text: the mean of all its states, or the state of bos."""
    mlp_head: bool = False
    """Compare texts after a dense layer with tanh, which stays behind when the trunk is used."""
    temperature: float = Field(0.05, gt=0.0)
    """What cosines are divided by: the lower, the more the nearest of the other texts count."""


class Contrastive(Objective):
    """Mean over the texts. Chance is the log of how many a micro-batch has: compare losses at equal micro-batches."""

    name: ClassVar[str] = "contrastive"
    config_class: ClassVar[type[Config]] = ContrastiveConfig
    config: ContrastiveConfig

    def __init__(self, config: ContrastiveConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.dense = nn.Linear(model_config.hidden_size, model_config.hidden_size) if config.mlp_head else None
        self.initialize(seed=0)

    @classmethod
    def check_model(cls, config: ContrastiveConfig, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        if not model_config.dropout:
            raise ValueError(
                "contrastive compares two readings of a text that differ by dropout, but the model has none: "
                "set model.dropout, for example to 0.1"
            )

    @classmethod
    def flops_per_position(cls, config: ContrastiveConfig, model_config: ModelConfig, sequence_length: int) -> float:
        """Twice the trunk."""
        return 2.0 * super().flops_per_position(config, model_config, sequence_length)

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy, in nats, of finding each text's second reading among those of all texts.

        `alignment` is the mean squared distance of the two readings; `uniformity` the log of the mean of
        exp(-2 squared distance) over the different texts of a micro-batch (Wang and Isola 2020, arXiv:2005.10242).
        Lower is better in both.
        """
        assert batch.labels_S is not None
        was_training = trunk.training
        trunk.train()
        torch.manual_seed(batch.seed)
        one_SD, other_SD = self._embedded(trunk, batch), self._embedded(trunk, batch)
        trunk.train(was_training)
        cosines_SS = cosines(one_SD, other_SD)
        loss_S, right_S = contrast(cosines_SS, batch.labels_S, self.config.temperature)
        count = batch.labels_S.numel()
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {
            "accuracy": (right_S.sum(), count),
            "alignment": ((one_SD - other_SD).detach().square().sum(), count),
            "uniformity": (uniformity(cosines_SS.detach(), batch.labels_S) * count, count),
        }
        return {self.name: Term(loss_S.sum(), count, ratios)}

    def _embedded(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns (S, D) in fp32, each of length 1: the texts after one pass of the trunk."""
        assert batch.pool_S is not None
        hidden_ND = trunk.hidden(batch).flatten(0, 1)
        pooled_SD = hidden_ND[batch.pool_S] if self.config.pooling == "bos" else mean_states(hidden_ND, batch)
        if self.dense is not None:
            pooled_SD = torch.tanh(self.dense(pooled_SD))
        return F.normalize(pooled_SD.float(), dim=-1)


def cosines(one_SD: Tensor, other_SD: Tensor) -> Tensor:
    """Returns (S, S) in fp32, of vectors of length 1."""
    with torch.autocast(one_SD.device.type, enabled=False):  # bf16 is too coarse for what is divided by a temperature
        return one_SD @ other_SD.T


def contrast(cosines_SS: Tensor, labels_S: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Returns for each text the nats of its second reading among all candidates, and whether none is nearer.

    Another copy of the same text is no candidate.
    """
    copies_SS = labels_S[:, None] == labels_S
    own_S = torch.arange(len(labels_S), device=labels_S.device)
    return nearest(cosines_SS, own_S, copies_SS.fill_diagonal_(False), temperature)


def nearest(cosines_SC: Tensor, own_S: Tensor, out_SC: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Returns for each text the nats of its own candidate among all C, and whether none is nearer.

    Args:
        cosines_SC: of texts and candidates.
        own_S: the candidate that each text has to find.
        out_SC: which candidates are none for which text.
        temperature: what cosines are divided by.
    """
    logits_SC = (cosines_SC / temperature).masked_fill(out_SC, -torch.inf)
    right_S = (logits_SC <= logits_SC.gather(1, own_S[:, None])).all(-1)
    return F.cross_entropy(logits_SC, own_S, reduction="none"), right_S


def uniformity(cosines_SS: Tensor, labels_S: Tensor) -> Tensor:
    """Returns the log of the mean potential of different texts, from -8 to 0; finite where there are none."""
    differ_SS = labels_S[:, None] != labels_S
    potentials_SS = torch.exp(4.0 * (cosines_SS - 1.0)) * differ_SS
    return (potentials_SS.sum() / differ_SS.sum().clamp_min(1)).clamp_min(1e-9).log()


def mean_states(hidden_ND: Tensor, batch: TokenBatch) -> Tensor:
    """Returns (S, D): the mean state of each text's positions, which lie in a row from its bos on."""
    assert batch.pool_S is not None
    places_N = torch.arange(len(hidden_ND), device=hidden_ND.device)
    text_N = torch.searchsorted(batch.pool_S, places_N, right=True)  # from 1 on
    if batch.attention.sample_ids_BT is not None:
        text_N = text_N * (batch.attention.sample_ids_BT.flatten() >= 0)  # 0 gathers the padding
    zeros_SD = hidden_ND.new_zeros(1 + len(batch.pool_S), hidden_ND.size(1), dtype=torch.float32)
    sums_SD = zeros_SD.index_add(0, text_N, hidden_ND.float())
    counts_S = zeros_SD[:, 0].index_add(0, text_N, torch.ones_like(text_N, dtype=torch.float32))
    return sums_SD[1:] / counts_S[1:, None]
