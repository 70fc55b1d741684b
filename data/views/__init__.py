"""The index of views: what an objective reads, by name. An objective reads the view of its own name."""

from typing import Any

from data.views.base import View, ViewContext, Viewed
from data.views.blank_infilling import BlankInfillingView
from data.views.causal_lm import CausalLMView
from data.views.chat import ChatView
from data.views.classification import ClassificationView
from data.views.contrastive import ContrastiveView
from data.views.masked_lm import MaskedLMView
from data.views.multi_label import MultiLabelView
from data.views.next_sentence import NextSentenceView
from data.views.prefix_lm import PrefixLMView
from data.views.replaced_token import ReplacedTokenView
from data.views.retrieval import RetrievalView
from data.views.sentence_order import SentenceOrderView
from data.views.span import SpanView
from data.views.tagging import TaggingView

VIEWS: dict[str, type[View[Any]]] = {
    "blank_infilling": BlankInfillingView,
    "causal_lm": CausalLMView,
    "chat": ChatView,
    "classification": ClassificationView,
    "contrastive": ContrastiveView,
    "masked_lm": MaskedLMView,
    "multi_label": MultiLabelView,
    "next_sentence": NextSentenceView,
    "prefix_lm": PrefixLMView,
    "replaced_token": ReplacedTokenView,
    "retrieval": RetrievalView,
    "sentence_order": SentenceOrderView,
    "span": SpanView,
    "tagging": TaggingView,
}

__all__ = ["VIEWS", "View", "ViewContext", "Viewed"]
