"""Sentence-order prediction: in which order did these m consecutive segments of a document stand?

m = 2 is ALBERT's objective (Lan et al. 2020, arXiv:1909.11942, section 3.1); more segments give m! classes, the
lexicographic rank of the permutation. Shapes: S samples, K classes.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import ClassVar

import torch
from torch import Tensor

from data.config import Config
from data.views.sentence_order import SentenceOrderViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.objectives.segment_classification import SegmentClassification


class SentenceOrderConfig(SentenceOrderViewConfig):
    """Settings of `sentence_order`."""


class SentenceOrder(SegmentClassification):
    """Mean over the samples; chance is ln m!."""

    name: ClassVar[str] = "sentence_order"
    config_class: ClassVar[type[Config]] = SentenceOrderConfig
    config: SentenceOrderConfig
    kendall_tau_KK: Tensor

    def __init__(self, config: SentenceOrderConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials, classes=math.factorial(config.segments))
        self.register_buffer("kendall_tau_KK", kendall_tau_table(config.segments), persistent=False)

    @classmethod
    def check_model(cls, config: SentenceOrderConfig, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        cls.check_segments(config.segments, model_config)

    def ratios(self, guess_S: Tensor, labels_S: Tensor) -> dict[str, tuple[Tensor, int | Tensor]]:
        tau = self.kendall_tau_KK[guess_S, labels_S].sum()
        return super().ratios(guess_S, labels_S) | {"kendall_tau": (tau, labels_S.numel())}


def kendall_tau_table(segments: int) -> Tensor:
    """Returns Kendall's tau, from -1 to 1, between every two of the m! permutations in lexicographic order."""
    orders = list(permutations(range(segments)))
    pairs = list(combinations(range(segments), 2))

    def tau(one: tuple[int, ...], other: tuple[int, ...]) -> float:
        agree = sum((one[i] < one[j]) == (other[i] < other[j]) for i, j in pairs)
        return 2 * agree / len(pairs) - 1

    return torch.tensor([[tau(one, other) for other in orders] for one in orders])
