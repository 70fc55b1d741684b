"""Retrieval: a query is nearer to the document that answers it than to the other documents of its micro-batch.

Source: Karpukhin et al. 2020, arXiv:2004.04906, section 3.2 (in-batch negatives, hard ones beside them), with cosines
over a temperature as in `contrastive`, of which this is the form for two different texts. One encoder reads both.
Shapes: Q queries, C documents, S = Q + C texts, B = S rows, T positions, N = B x T of them flattened, D width.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from data.batch import TokenBatch
from data.config import Config
from data.views.retrieval import NEITHER, OWN, RetrievalViewConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.contrastive import cosines, mean_states, nearest
from lightning_modules.objectives.text_head import Pooled


class RetrievalConfig(RetrievalViewConfig, Pooled):
    """Settings of `retrieval`."""

    temperature: float = Field(0.05, gt=0.0)
    """What cosines are divided by: the lower, the more the nearest of the wrong documents count."""


class Retrieval(Objective):
    """Mean over the queries. Chance is the log of a micro-batch's documents: compare losses at equal micro-batches."""

    name: ClassVar[str] = "retrieval"
    config_class: ClassVar[type[Config]] = RetrievalConfig
    config: RetrievalConfig

    def embedded(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns (S, D) in fp32, each of length 1."""
        assert batch.pool_S is not None
        hidden_ND = trunk.hidden(batch).flatten(0, 1)
        pooled_SD = hidden_ND[batch.pool_S] if self.config.pooling == "bos" else mean_states(hidden_ND, batch)
        return F.normalize(pooled_SD.float(), dim=-1)

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy, in nats, of finding each query's document among those of the micro-batch.

        Other right documents of a query, and copies of its own, are no candidates.
        """
        assert batch.labels_SK is not None
        relations_QC = batch.labels_SK
        count = len(relations_QC)
        texts_SD = self.embedded(trunk, batch)
        cosines_QC = cosines(texts_SD[:count], texts_SD[count:])
        own_Q = (relations_QC == OWN).long().argmax(-1)
        loss_Q, right_Q = nearest(cosines_QC, own_Q, relations_QC == NEITHER, self.config.temperature)
        return {self.name: Term(loss_Q.sum(), count, {"accuracy": (right_Q.sum(), count)})}
