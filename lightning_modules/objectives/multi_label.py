"""Classification of whole texts that have any number of classes: each class is a question of its own.

Shapes: S texts (one a row), K classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from data.batch import TokenBatch
from data.config import Config
from data.views.multi_label import MultiLabelViewConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Term
from lightning_modules.objectives.text_head import Pooled, TextHead


class MultiLabelConfig(MultiLabelViewConfig, Pooled):
    """Settings of `multi_label`."""


class MultiLabel(TextHead):
    """Mean over the classes of all texts, as transformers' `multi_label_classification` has it."""

    name: ClassVar[str] = "multi_label"
    config_class: ClassVar[type[Config]] = MultiLabelConfig
    config: MultiLabelConfig

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed binary cross-entropy, in nats; chance is ln 2.

        `exact` is the share of texts with every class right.
        """
        assert batch.labels_SK is not None
        logits_SK = self.logits(trunk, batch)
        loss_sum = F.binary_cross_entropy_with_logits(logits_SK, batch.labels_SK.float(), reduction="sum")
        right_SK = (logits_SK > 0) == (batch.labels_SK > 0)
        count = batch.labels_SK.numel()
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {
            "accuracy": (right_SK.sum(), count),
            "exact": (right_SK.all(-1).sum(), len(right_SK)),
        }
        return {self.name: Term(loss_sum, count, ratios)}
