"""What a trained network has to beat.

`unigram.py` and `ngram.py` are those of language models; the others answer labelled tasks.
"""

from lightning_modules.baselines.base import Baseline
from lightning_modules.baselines.bm25 import Bm25
from lightning_modules.baselines.classes import Majority, TfIdf
from lightning_modules.baselines.nearest import Nearest
from lightning_modules.baselines.sentences import NearestSentence
from lightning_modules.baselines.several_classes import LabelsMajority, LabelsTfIdf
from lightning_modules.baselines.spans import TrainingSpans
from lightning_modules.baselines.texts import CopySource, LeadSentence, LeadWords

BASELINES: dict[str, type[Baseline]] = {
    "bm25": Bm25,
    "copy_source": CopySource,
    "labels_majority": LabelsMajority,
    "labels_tfidf": LabelsTfIdf,
    "lead_sentence": LeadSentence,
    "lead_words": LeadWords,
    "majority": Majority,
    "nearest": Nearest,
    "nearest_sentence": NearestSentence,
    "tfidf": TfIdf,
    "training_spans": TrainingSpans,
}

__all__ = ["BASELINES", "Baseline"]
