"""Masked language modelling: predict the tokens that the `masked_lm` view hid, reading to both sides.

Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1. The output projection is the one of `causal_lm`; whether a
token is predicted at its own position or the one before is the model's `alignment`, and the view's work.
"""

from typing import ClassVar

from data.config import Config
from data.views.masked_lm import MaskedLMViewConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class MaskedLMConfig(MaskedLMViewConfig, LabelSmoothing):
    """Settings of `masked_lm`."""


class MaskedLM(TokenPrediction):
    """Mean over the hidden tokens; only their positions meet the vocabulary."""

    name: ClassVar[str] = "masked_lm"
    config_class: ClassVar[type[Config]] = MaskedLMConfig

    @classmethod
    def vocabulary_share(cls, config: MaskedLMConfig) -> float:
        return config.at(0.5).rate  # half way: a rate moves in a straight line
