"""Extractive question answering: where in a context the answer starts and where it ends.

Source: Devlin et al. 2019, arXiv:1810.04805, sections 4.2 and 4.3; bos stands for 'no answer'.
Shapes: B = S rows, T positions, M positions that may be chosen, D width.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.views.span import SpanViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term


class SpanConfig(SpanViewConfig):
    """Settings of `span`."""

    may_refuse: bool = True
    """Whether 'no answer' is one, when the network is asked. false, for data in which every context has its answer: the
    best stretch is given in any case."""


class Span(Objective):
    """Mean over the rows, of start and end alike."""

    name: ClassVar[str] = "span"
    config_class: ClassVar[type[Config]] = SpanConfig
    config: SpanConfig

    def __init__(self, config: SpanConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.classifier = nn.Linear(model_config.hidden_size, 2)
        self.initialize(seed=0)

    def logits(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns (2, B, T) in fp32: start and end, minus infinity where neither may be."""
        assert batch.predict_M is not None
        logits_M2 = self.classifier(trunk.hidden(batch).flatten(0, 1)[batch.predict_M]).float()
        nowhere_2N = logits_M2.new_full((2, batch.positions), -torch.inf)
        logits_2N: Tensor = nowhere_2N.index_copy(1, batch.predict_M, logits_M2.T)
        return logits_2N.view(2, *batch.input_ids_BT.shape)

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Half the sum of both cross-entropies, in nats; chance is the log of how many positions a row may choose.

        `accuracy` is the share of rows with both right.
        """
        assert batch.labels_SK is not None
        start_BT, end_BT = self.logits(trunk, batch)
        start_B, end_B = batch.labels_SK.unbind(-1)
        loss_sum = (
            F.cross_entropy(start_BT, start_B, reduction="sum") + F.cross_entropy(end_BT, end_B, reduction="sum")
        ) / 2
        right_B = (start_BT.argmax(-1) == start_B) & (end_BT.argmax(-1) == end_B)
        count = len(start_B)
        return {self.name: Term(loss_sum, count, {"accuracy": (right_B.sum(), count)})}
