"""Causal language modelling: predict the next token from those before it.

Source: Radford et al. 2018, "Improving language understanding by generative pre-training", section 3.1.
"""

from typing import ClassVar

from data.config import Config
from data.views.causal_lm import CausalLMViewConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class CausalLMConfig(CausalLMViewConfig, LabelSmoothing):
    """Settings of `causal_lm`."""


class CausalLM(TokenPrediction):
    """Mean over all tokens that have one before them in their sample."""

    name: ClassVar[str] = "causal_lm"
    config_class: ClassVar[type[Config]] = CausalLMConfig
    reads_causally: ClassVar[bool] = True
