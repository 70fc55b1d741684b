"""A head over what stands for a whole text.

It is that of transformers' `EuroBertForSequenceClassification` (dense, GELU, classifier; pooling `mean` or `bos`),
under the same parameter names, so that a trained classifier opens there.
Shapes: B rows, T positions, S samples (one a row), D width, K classes.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective


class Pooled(Config):
    """How a text is pooled."""

    pooling: Literal["mean", "bos"] = "mean"
    """What stands for a text: the mean of all its states, or the state of bos, which language modelling alone never
    trains to say anything."""


class TextHeadConfig(Protocol):
    """What a head has to know."""

    @property
    def classes(self) -> int: ...

    @property
    def pooling(self) -> Literal["mean", "bos"]: ...


class TextHead(Objective):
    """Logits of each class of each text; what is made of them is the objective's."""

    config: TextHeadConfig

    def __init__(self, config: TextHeadConfig, model_config: ModelConfig, specials: Specials) -> None:
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
