"""Sentence-order prediction: in which order did these m consecutive segments of a document stand?

m = 2 is ALBERT's objective (Lan et al. 2020, arXiv:1909.11942, section 3.1); more segments give m! classes, the
lexicographic rank of the permutation. Shapes: S samples, D width, K classes.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.views.sentence_order import SentenceOrderViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term


class SentenceOrderConfig(SentenceOrderViewConfig):
    """Settings of `sentence_order`."""


class SentenceOrder(Objective):
    """Mean over the samples, each judged by the state of its first position."""

    name: ClassVar[str] = "sentence_order"
    config_class: ClassVar[type[Config]] = SentenceOrderConfig
    config: SentenceOrderConfig
    kendall_tau_KK: Tensor

    def __init__(self, config: SentenceOrderConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.dense = nn.Linear(model_config.hidden_size, model_config.hidden_size)
        self.classifier = nn.Linear(model_config.hidden_size, math.factorial(config.segments))
        self.register_buffer("kendall_tau_KK", kendall_tau_table(config.segments), persistent=False)
        self.initialize(seed=0)

    @classmethod
    def check_model(cls, config: SentenceOrderConfig, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        if config.segments > model_config.segments:
            raise ValueError(
                f"sentence_order has {config.segments} segments, but the model's segment table has "
                f"{model_config.segments} rows: set model.segments to at least {config.segments}"
            )

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy over the samples' classes, in nats; chance is ln m!."""
        assert batch.pool_S is not None and batch.labels_S is not None
        pooled_SD = trunk.hidden(batch).flatten(0, 1)[batch.pool_S]
        logits_SK = self.classifier(torch.tanh(self.dense(pooled_SD))).float()
        loss_sum = F.cross_entropy(logits_SK, batch.labels_S, reduction="sum")
        guess_S, count = logits_SK.argmax(-1), batch.labels_S.numel()
        right = (guess_S == batch.labels_S).sum()
        tau = self.kendall_tau_KK[guess_S, batch.labels_S].sum()
        return {self.name: Term(loss_sum, count, {"accuracy": (right, count), "kendall_tau": (tau, count)})}


def kendall_tau_table(segments: int) -> Tensor:
    """Returns Kendall's tau, from -1 to 1, between every two of the m! permutations in lexicographic order."""
    orders = list(permutations(range(segments)))
    pairs = list(combinations(range(segments), 2))

    def tau(one: tuple[int, ...], other: tuple[int, ...]) -> float:
        agree = sum((one[i] < one[j]) == (other[i] < other[j]) for i, j in pairs)
        return 2 * agree / len(pairs) - 1

    return torch.tensor([[tau(one, other) for other in orders] for one in orders])
