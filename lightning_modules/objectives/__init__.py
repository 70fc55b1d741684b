"""The index of objectives: what a stage can train, by name."""

from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.blank_infilling import BlankInfilling
from lightning_modules.objectives.causal_lm import CausalLM
from lightning_modules.objectives.chat import Chat
from lightning_modules.objectives.classification import Classification
from lightning_modules.objectives.contrastive import Contrastive
from lightning_modules.objectives.masked_lm import MaskedLM
from lightning_modules.objectives.multi_label import MultiLabel
from lightning_modules.objectives.next_sentence import NextSentence
from lightning_modules.objectives.prefix_lm import PrefixLM
from lightning_modules.objectives.replaced_token import ReplacedToken
from lightning_modules.objectives.retrieval import Retrieval
from lightning_modules.objectives.sentence_order import SentenceOrder
from lightning_modules.objectives.span import Span
from lightning_modules.objectives.tagging import Tagging

OBJECTIVES: dict[str, type[Objective]] = {
    "blank_infilling": BlankInfilling,
    "causal_lm": CausalLM,
    "chat": Chat,
    "classification": Classification,
    "contrastive": Contrastive,
    "masked_lm": MaskedLM,
    "multi_label": MultiLabel,
    "next_sentence": NextSentence,
    "prefix_lm": PrefixLM,
    "replaced_token": ReplacedToken,
    "retrieval": Retrieval,
    "sentence_order": SentenceOrder,
    "span": Span,
    "tagging": Tagging,
}

__all__ = ["OBJECTIVES", "Objective", "Term"]
