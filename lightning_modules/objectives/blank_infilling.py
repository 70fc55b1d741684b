"""Blank infilling: write what stood in each blank of a text, blank by blank, reading the text to both sides.

Source: Du et al. 2022, arXiv:2103.10360 (GLM), equation 1; which spans are blanks, and where their tokens stand, is the
`blank_infilling` view's work.
"""

from typing import Any, ClassVar

from data.config import Config
from data.views.blank_infilling import BlankInfillingViewConfig
from lightning_modules.networks.config import ModelConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class BlankInfillingConfig(BlankInfillingViewConfig, LabelSmoothing):
    """Settings of `blank_infilling`."""


class BlankInfilling(TokenPrediction):
    """Mean over the tokens of all spans, each span's end included."""

    name: ClassVar[str] = "blank_infilling"
    config_class: ClassVar[type[Config]] = BlankInfillingConfig

    @classmethod
    def vocabulary_share(cls, config: BlankInfillingConfig) -> float:
        return config.predicted_share()

    @classmethod
    def check_model(cls, config: Any, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        longest = config.longest_span(model_config.max_positions)
        rows = longest + 2  # 0 outside of spans, 1 at a span's start, and one for each of its tokens
        if model_config.span_positions < rows:
            raise ValueError(
                f"blank_infilling hides spans of up to {longest} tokens, but the model's table of places in a span has "
                f"{model_config.span_positions} rows: set model.span_positions to at least {rows}"
            )
