"""Next-sentence prediction: does the second text go on after the first, or is it of another document?

Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1; class 0 is the continuation, 1 the other text, as in
transformers' `BertForPreTraining`. BERT hides tokens in the same pairs; here `masked_lm` has micro-batches of its own.
"""

from __future__ import annotations

from typing import ClassVar

from data.config import Config
from data.views.next_sentence import NextSentenceViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.objectives.segment_classification import SegmentClassification


class NextSentenceConfig(NextSentenceViewConfig):
    """Settings of `next_sentence`."""


class NextSentence(SegmentClassification):
    """Mean over the pairs; chance is ln 2."""

    name: ClassVar[str] = "next_sentence"
    config_class: ClassVar[type[Config]] = NextSentenceConfig

    def __init__(self, config: NextSentenceConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials, classes=2)

    @classmethod
    def check_model(cls, config: NextSentenceConfig, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        cls.check_segments(2, model_config)
