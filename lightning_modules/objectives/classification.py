"""Classification of whole texts: one class each. Shapes: S texts (one a row), K classes."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from data.batch import TokenBatch
from data.config import Config
from data.views.classification import ClassificationViewConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Term
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.text_head import Pooled, TextHead


class ClassificationConfig(ClassificationViewConfig, LabelSmoothing, Pooled):
    """Settings of `classification`."""

    classes: int = Field(gt=1)
    """K: number of labels of the task."""


class Classification(TextHead):
    """Mean over the texts."""

    name: ClassVar[str] = "classification"
    config_class: ClassVar[type[Config]] = ClassificationConfig
    config: ClassificationConfig

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy over the texts, in nats; chance is ln K.

        With label smoothing the unsmoothed loss is the ratio `nll`.
        """
        assert batch.labels_S is not None
        logits_SK = self.logits(trunk, batch)
        smoothing = self.config.uniform_smoothing(self.config.classes)
        loss_sum = F.cross_entropy(logits_SK, batch.labels_S, label_smoothing=smoothing, reduction="sum")
        count = batch.labels_S.numel()
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {
            "accuracy": ((logits_SK.argmax(-1) == batch.labels_S).sum(), count)
        }
        if smoothing:
            ratios["nll"] = (F.cross_entropy(logits_SK, batch.labels_S, reduction="sum").detach(), count)
        return {self.name: Term(loss_sum, count, ratios)}
