"""The contract of a training objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import nn

from data.batch import TokenBatch
from data.config import Config
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.estimates import flops_per_token
from lightning_modules.networks.initialization import initialize
from lightning_modules.networks.trunk import Trunk
from lightning_modules.term import Term

__all__ = ["Objective", "Term"]


class Objective(nn.Module, ABC):
    """Turns states of the trunk into loss terms; owns every parameter that only this objective uses."""

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]
    reads_causally: ClassVar[bool] = False
    """Whether every state is asked only about what follows, so that networks without attention can be trained too."""

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
        if not (model_config.attends or cls.reads_causally):
            raise ValueError(
                f"{cls.name} looks to both sides, but a model of architecture {model_config.architecture!r} only reads "
                "from left to right: set model.architecture to 'transformer', or train causal_lm alone"
            )

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
