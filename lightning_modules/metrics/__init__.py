"""Figures of merit, their intervals and their paired differences. Imports no model."""

from lightning_modules.metrics.base import Metric, Outputs
from lightning_modules.metrics.bootstrap import Interval, compare, interval, wins
from lightning_modules.metrics.choice import ChoiceAccuracy
from lightning_modules.metrics.classes import Accuracy, MacroF1, MicroF1, Precision, Recall
from lightning_modules.metrics.fairness import AccuracyGap, DemographicParityGap, EqualisedOddsGap
from lightning_modules.metrics.likelihood import BitsPerByte, Perplexity
from lightning_modules.metrics.memorisation import Exposure, Extracted
from lightning_modules.metrics.numbers import CompletenessError, ScoreChange
from lightning_modules.metrics.pseudo_perplexity import PseudoPerplexity, WordPseudoPerplexity
from lightning_modules.metrics.stereotypes import StereotypeBias, StereotypeShare
from lightning_modules.metrics.summarization import Rouge1, Rouge2, RougeL
from lightning_modules.metrics.token_loss import TokenLoss
from lightning_modules.metrics.translation import Bleu, Chrf

METRICS: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "accuracy_gap": AccuracyGap,
    "bits_per_byte": BitsPerByte,
    "bleu": Bleu,
    "choice_accuracy": ChoiceAccuracy,
    "chrf": Chrf,
    "completeness_error": CompletenessError,
    "demographic_parity_gap": DemographicParityGap,
    "equalised_odds_gap": EqualisedOddsGap,
    "exposure": Exposure,
    "extracted": Extracted,
    "macro_f1": MacroF1,
    "micro_f1": MicroF1,
    "perplexity": Perplexity,
    "precision": Precision,
    "pseudo_perplexity": PseudoPerplexity,
    "pseudo_perplexity_l2r": WordPseudoPerplexity,
    "recall": Recall,
    "rouge1": Rouge1,
    "rouge2": Rouge2,
    "rouge_l": RougeL,
    "score_change": ScoreChange,
    "stereotype_bias": StereotypeBias,
    "stereotype_share": StereotypeShare,
    "token_loss": TokenLoss,
}

__all__ = ["METRICS", "Interval", "Metric", "Outputs", "compare", "interval", "wins"]
