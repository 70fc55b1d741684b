"""Classification of whole texts by a head over the states of the trunk.

The head is that of transformers' `EuroBertForSequenceClassification` (dense, GELU, classifier; pooling `mean` or
`bos`), under the same parameter names, so that a trained classifier opens there.
Shapes: B rows, T positions, S samples (one a row), D width, K classes.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.views.classification import ClassificationViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.cross_entropy import LabelSmoothing


class ClassificationConfig(ClassificationViewConfig, LabelSmoothing):
    """Settings of `classification`."""

    classes: int = Field(gt=1)
    """K: number of labels of the task."""
    pooling: Literal["mean", "bos"] = "mean"
    """What stands for a text: the mean of all its states, or the state of bos, which language modelling alone never
    trains to say anything."""


class Classification(Objective):
    """Mean over the texts."""

    name: ClassVar[str] = "classification"
    config_class: ClassVar[type[Config]] = ClassificationConfig
    config: ClassificationConfig

    def __init__(self, config: ClassificationConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.dense = nn.Linear(model_config.hidden_size, model_config.hidden_size)
        self.classifier = nn.Linear(model_config.hidden_size, config.classes)
        self.initialize(seed=0)

    def logits(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns (S, K) in fp32."""
        assert batch.pool_S is not None
        hidden_BTD = trunk.hidden(batch)
        samples_BT = batch.attention.sample_ids_BT
        if self.config.pooling == "bos":
            pooled_SD = hidden_BTD.flatten(0, 1)[batch.pool_S]
        elif samples_BT is None:
            pooled_SD = hidden_BTD.mean(1)
        else:
            real_BT1 = (samples_BT >= 0).unsqueeze(-1).to(hidden_BTD.dtype)
            pooled_SD = (hidden_BTD * real_BT1).sum(1) / real_BT1.sum(1)
        logits_SK: Tensor = self.classifier(F.gelu(self.dense(pooled_SD)))
        return logits_SK.float()

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
