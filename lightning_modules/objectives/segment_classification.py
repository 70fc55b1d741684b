"""What sentence order and next sentence share: a class for a sample of segments, told by the state of its bos.

Which segments and classes these are is the view's work. The head is BERT's (Devlin et al. 2019, arXiv:1810.04805): a
dense layer with tanh, then the classes. Shapes: S samples, D width, K classes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import TokenBatch
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term


class SegmentClassification(Objective):
    """Mean over the samples, each judged by the state of its first position."""

    def __init__(self, config: Any, model_config: ModelConfig, specials: Specials, classes: int) -> None:
        """Builds the head for K = `classes`; the rest is as in `Objective`."""
        super().__init__(config, model_config, specials)
        self.dense = nn.Linear(model_config.hidden_size, model_config.hidden_size)
        self.classifier = nn.Linear(model_config.hidden_size, classes)
        self.initialize(seed=0)

    @classmethod
    def check_segments(cls, segments: int, model_config: ModelConfig) -> None:
        """Refuses a model whose segment table is too short.

        Raises:
            ValueError: with the number of rows it needs.
        """
        if segments > model_config.segments:
            raise ValueError(
                f"{cls.name} has {segments} segments, but the model's segment table has {model_config.segments} rows: "
                f"set model.segments to at least {segments}"
            )

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy over the samples' classes, in nats; chance is ln K."""
        assert batch.pool_S is not None and batch.labels_S is not None
        pooled_SD = trunk.hidden(batch).flatten(0, 1)[batch.pool_S]
        logits_SK = self.classifier(torch.tanh(self.dense(pooled_SD))).float()
        loss_sum = F.cross_entropy(logits_SK, batch.labels_S, reduction="sum")
        return {self.name: Term(loss_sum, batch.labels_S.numel(), self.ratios(logits_SK.argmax(-1), batch.labels_S))}

    def ratios(self, guess_S: Tensor, labels_S: Tensor) -> dict[str, tuple[Tensor, int | Tensor]]:
        """Returns what is logged beside the loss."""
        return {"accuracy": ((guess_S == labels_S).sum(), labels_S.numel())}
