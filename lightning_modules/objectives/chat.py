"""Chat: predict what the assistant says in a conversation, token by token, and where each reply ends.

Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5 (supervised fine-tuning); loss on replies only as in Touvron
et al. 2023, arXiv:2307.09288, section 3.1. Which tokens these are is the `chat` view's work. The mean runs over all
tokens of replies, so a long reply weighs more than a short one.
"""

from typing import ClassVar

from data.config import Config
from data.views.chat import ChatViewConfig
from lightning_modules.objectives.cross_entropy import LabelSmoothing
from lightning_modules.objectives.token_prediction import TokenPrediction


class ChatConfig(ChatViewConfig, LabelSmoothing):
    """Settings of `chat`."""


class Chat(TokenPrediction):
    """Mean over the tokens of replies, their ends included."""

    name: ClassVar[str] = "chat"
    config_class: ClassVar[type[Config]] = ChatConfig
    reads_causally: ClassVar[bool] = True

    @classmethod
    def vocabulary_share(cls, config: ChatConfig) -> float:
        return 0.5  # of labelled examples it is unknown; half of what is said in a conversation
