"""Prefix language modelling: predict a text from its beginning, or an answer from its prompt, token by token.

Source: Raffel et al. 2019, arXiv:1910.10683, section 3.2.3, for running text; Hu et al. 2021, arXiv:2106.09685,
equation 1, for prompts and answers. What is prefix and what is predicted is the `prefix_lm` view's work. The mean runs
over all predicted tokens, so a long answer weighs more than a short one.
"""

from typing import ClassVar

from data.config import Config
from data.views.prefix_lm import PrefixLMViewConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class PrefixLMConfig(PrefixLMViewConfig, LabelSmoothing):
    """Settings of `prefix_lm`."""


class PrefixLM(TokenPrediction):
    """Mean over the tokens after the prefixes, eos included."""

    name: ClassVar[str] = "prefix_lm"
    config_class: ClassVar[type[Config]] = PrefixLMConfig

    @classmethod
    def vocabulary_share(cls, config: PrefixLMConfig) -> float:
        return 0.5  # on average over cuts at any place of a text; of labelled examples it is unknown
