"""Conditional language modelling: predict an answer from its prompt and what is already said of it.

Source: Hu et al. 2021, arXiv:2106.09685, equation 1; what counts as prompt and answer is the `prefix_lm` view's work.
The mean runs over the tokens of all answers, so a long answer weighs more than a short one.
"""

from typing import ClassVar

from data.config import Config
from data.views.prefix_lm import PrefixLMViewConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class PrefixLMConfig(PrefixLMViewConfig, LabelSmoothing):
    """Settings of `prefix_lm`."""


class PrefixLM(TokenPrediction):
    """Mean over the tokens of the answers, each answer's eos included."""

    name: ClassVar[str] = "prefix_lm"
    config_class: ClassVar[type[Config]] = PrefixLMConfig
