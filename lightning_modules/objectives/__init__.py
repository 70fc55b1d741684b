"""The index of objectives: what a stage can train, by name."""

from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.blank_infilling import BlankInfilling
from lightning_modules.objectives.causal_lm import CausalLM
from lightning_modules.objectives.chat import Chat
from lightning_modules.objectives.classification import Classification
from lightning_modules.objectives.contrastive import Contrastive
from lightning_modules.objectives.masked_lm import MaskedLM
from lightning_modules.objectives.next_sentence import NextSentence
from lightning_modules.objectives.prefix_lm import PrefixLM
from lightning_modules.objectives.replaced_token import ReplacedToken
from lightning_modules.objectives.sentence_order import SentenceOrder

OBJECTIVES: dict[str, type[Objective]] = {
    "blank_infilling": BlankInfilling,
    "causal_lm": CausalLM,
    "chat": Chat,
    "classification": Classification,
    "contrastive": Contrastive,
    "masked_lm": MaskedLM,
    "next_sentence": NextSentence,
    "prefix_lm": PrefixLM,
    "replaced_token": ReplacedToken,
    "sentence_order": SentenceOrder,
}

__all__ = ["OBJECTIVES", "Objective", "Term"]
