"""Figures of merit, their intervals and their paired differences. Imports no model."""

from lightning_modules.metrics.answers_in_text import AnswerExactMatch, AnswerF1
from lightning_modules.metrics.base import Metric, Outputs
from lightning_modules.metrics.bootstrap import Interval, compare, interval, wins
from lightning_modules.metrics.calibration import Ece
from lightning_modules.metrics.choice import ChoiceAccuracy
from lightning_modules.metrics.classes import (
    Accuracy,
    MacroF1,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Precision,
    Recall,
    WeightedF1,
)
from lightning_modules.metrics.constraints import ConstraintsKept, KeywordsKept, LengthKept, SentimentKept
from lightning_modules.metrics.fairness import AccuracyGap, DemographicParityGap, EqualisedOddsGap
from lightning_modules.metrics.last_number import ExactNumber
from lightning_modules.metrics.likelihood import BitsPerByte, Perplexity, WordPerplexity
from lightning_modules.metrics.memorisation import Exposure, Extracted
from lightning_modules.metrics.meteor import Meteor, MeteorExactStem
from lightning_modules.metrics.multi_label import LabelsMacroF1, LabelsMicroF1, SubsetAccuracy
from lightning_modules.metrics.numbers import CompletenessError, ScoreChange
from lightning_modules.metrics.pool import Distinct1, Distinct2
from lightning_modules.metrics.programs import PassAt1, PassAt5, PassAt10
from lightning_modules.metrics.pseudo_perplexity import PseudoPerplexity, WordPseudoPerplexity
from lightning_modules.metrics.queries import ExecutionAccuracy
from lightning_modules.metrics.ranking import MeanReciprocalRank, RecallAt1, RecallAt5, RecallAt10
from lightning_modules.metrics.referee import RefereePerplexity
from lightning_modules.metrics.repetition import Repetition
from lightning_modules.metrics.self_bleu import SelfBleu
from lightning_modules.metrics.signatures import OtherSignatureError, refuse_other
from lightning_modules.metrics.spans import SpanF1, SpanPrecision, SpanRecall
from lightning_modules.metrics.stereotypes import StereotypeBias, StereotypeShare
from lightning_modules.metrics.summarization import Rouge1, Rouge2, RougeL, RougeLsum
from lightning_modules.metrics.token_loss import TokenLoss
from lightning_modules.metrics.translation import Bleu, Chrf, Ter

METRICS: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "accuracy_gap": AccuracyGap,
    "answer_exact_match": AnswerExactMatch,
    "answer_f1": AnswerF1,
    "bits_per_byte": BitsPerByte,
    "bleu": Bleu,
    "choice_accuracy": ChoiceAccuracy,
    "chrf": Chrf,
    "completeness_error": CompletenessError,
    "constraints_kept": ConstraintsKept,
    "demographic_parity_gap": DemographicParityGap,
    "distinct_1": Distinct1,
    "distinct_2": Distinct2,
    "ece": Ece,
    "equalised_odds_gap": EqualisedOddsGap,
    "exact_number": ExactNumber,
    "execution_accuracy": ExecutionAccuracy,
    "exposure": Exposure,
    "extracted": Extracted,
    "keywords_kept": KeywordsKept,
    "labels_macro_f1": LabelsMacroF1,
    "labels_micro_f1": LabelsMicroF1,
    "length_kept": LengthKept,
    "macro_f1": MacroF1,
    "meteor": Meteor,
    "meteor_exact_stem": MeteorExactStem,
    "micro_f1": MicroF1,
    "micro_precision": MicroPrecision,
    "micro_recall": MicroRecall,
    "mrr": MeanReciprocalRank,
    "pass_at_1": PassAt1,
    "pass_at_10": PassAt10,
    "pass_at_5": PassAt5,
    "perplexity": Perplexity,
    "precision": Precision,
    "pseudo_perplexity": PseudoPerplexity,
    "pseudo_perplexity_l2r": WordPseudoPerplexity,
    "recall": Recall,
    "recall_at_1": RecallAt1,
    "recall_at_10": RecallAt10,
    "recall_at_5": RecallAt5,
    "referee_perplexity": RefereePerplexity,
    "repetition": Repetition,
    "rouge1": Rouge1,
    "rouge2": Rouge2,
    "rouge_l": RougeL,
    "rouge_lsum": RougeLsum,
    "score_change": ScoreChange,
    "self_bleu": SelfBleu,
    "sentiment_kept": SentimentKept,
    "span_f1": SpanF1,
    "span_precision": SpanPrecision,
    "span_recall": SpanRecall,
    "stereotype_bias": StereotypeBias,
    "stereotype_share": StereotypeShare,
    "subset_accuracy": SubsetAccuracy,
    "ter": Ter,
    "token_loss": TokenLoss,
    "weighted_f1": WeightedF1,
    "word_perplexity": WordPerplexity,
}

__all__ = [
    "METRICS",
    "Interval",
    "Metric",
    "OtherSignatureError",
    "Outputs",
    "compare",
    "interval",
    "refuse_other",
    "wins",
]
