"""The contract of a training objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.estimates import flops_per_token
from lightning_modules.networks.initialization import initialize
from lightning_modules.networks.trunk import Trunk


@dataclass(frozen=True)
class Term:
    """One loss of one micro-batch as a sum with its count: the step divides, over micro-batches and devices."""

    loss_sum: Tensor
    """Scalar, fp32, in nats; 0.0 where nothing is counted."""
    count: int | Tensor
    """Units that `loss_sum` runs over."""
    ratios: dict[str, tuple[Tensor, int | Tensor]] = field(default_factory=dict)
    """What else is worth logging, each as (sum, count), without gradients."""


class Objective(nn.Module, ABC):
    """Turns states of the trunk into loss terms; owns every parameter that only this objective uses."""

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]

    def __init__(self, config: Any, model_config: ModelConfig, specials: Specials) -> None:
        """Builds the heads.

        Args:
            config: a `config_class`.
            model_config: of the trunk that will be read.
            specials: ids of the tokenizer's special tokens.
        """
        super().__init__()
        self.check_model(config, model_config)
        self.config = config
        self.model_config = model_config
        self.specials = specials

    @classmethod
    def check_model(cls, config: Any, model_config: ModelConfig) -> None:
        """Refuses, before anything is built or read, a model that this objective cannot train.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """

    def initialize(self, seed: int) -> None:
        """Draws the heads' first weights from `seed` alone."""
        initialize(self, seed)

    @classmethod
    def term_weights(cls, config: Any, weight: float) -> dict[str, float]:
        """Returns what the mean of each term is multiplied by, where the recipe gives the objective `weight`."""
        return {cls.name: weight}

    @classmethod
    def vocabulary_share(cls, config: Any) -> float:
        """Returns the share of the positions through the trunk whose state meets the vocabulary."""
        return 0.0

    @classmethod
    def flops_per_position(cls, config: Any, model_config: ModelConfig, sequence_length: int) -> float:
        """Returns floating-point operations of training, forward and backward, per position through the trunk."""
        return flops_per_token(model_config, sequence_length, cls.vocabulary_share(config))

    @abstractmethod
    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Returns the terms by name; the objective's own loss has the objective's name."""
