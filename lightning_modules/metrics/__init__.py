"""Figures of merit, their intervals and their paired differences. Imports no model."""

from lightning_modules.metrics.answers_in_text import AnswerExactMatch, AnswerF1
from lightning_modules.metrics.base import Metric, Outputs
from lightning_modules.metrics.bootstrap import Interval, compare, interval, wins
from lightning_modules.metrics.classes import Accuracy, MacroF1, MicroF1, Precision, Recall
from lightning_modules.metrics.constraints import ConstraintsKept, KeywordsKept, LengthKept, SentimentKept
from lightning_modules.metrics.likelihood import BitsPerByte, Perplexity
from lightning_modules.metrics.multi_label import LabelsMacroF1, LabelsMicroF1, SubsetAccuracy
from lightning_modules.metrics.numbers import ExactNumber
from lightning_modules.metrics.programs import PassAt1, PassAt5, PassAt10
from lightning_modules.metrics.queries import ExecutionAccuracy
from lightning_modules.metrics.ranking import MeanReciprocalRank, RecallAt1, RecallAt5, RecallAt10
from lightning_modules.metrics.spans import SpanF1, SpanPrecision, SpanRecall
from lightning_modules.metrics.summarization import Rouge1, Rouge2, RougeL
from lightning_modules.metrics.translation import Bleu, Chrf

METRICS: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "answer_exact_match": AnswerExactMatch,
    "answer_f1": AnswerF1,
    "bits_per_byte": BitsPerByte,
    "bleu": Bleu,
    "chrf": Chrf,
    "constraints_kept": ConstraintsKept,
    "exact_number": ExactNumber,
    "execution_accuracy": ExecutionAccuracy,
    "keywords_kept": KeywordsKept,
    "labels_macro_f1": LabelsMacroF1,
    "labels_micro_f1": LabelsMicroF1,
    "length_kept": LengthKept,
    "macro_f1": MacroF1,
    "micro_f1": MicroF1,
    "mrr": MeanReciprocalRank,
    "pass_at_1": PassAt1,
    "pass_at_10": PassAt10,
    "pass_at_5": PassAt5,
    "perplexity": Perplexity,
    "precision": Precision,
    "recall": Recall,
    "recall_at_1": RecallAt1,
    "recall_at_5": RecallAt5,
    "recall_at_10": RecallAt10,
    "rouge1": Rouge1,
    "rouge2": Rouge2,
    "rouge_l": RougeL,
    "sentiment_kept": SentimentKept,
    "span_f1": SpanF1,
    "span_precision": SpanPrecision,
    "span_recall": SpanRecall,
    "subset_accuracy": SubsetAccuracy,
}

__all__ = ["METRICS", "Interval", "Metric", "Outputs", "compare", "interval", "wins"]
