"""What a trained network has to beat.

`unigram.py` and `ngram.py` are those of language models; the others answer labelled tasks.
"""

from lightning_modules.baselines.base import Baseline
from lightning_modules.baselines.classes import Majority, TfIdf
from lightning_modules.baselines.nearest import Nearest
from lightning_modules.baselines.texts import CopySource, LeadSentence, LeadWords

BASELINES: dict[str, type[Baseline]] = {
    "copy_source": CopySource,
    "lead_sentence": LeadSentence,
    "lead_words": LeadWords,
    "majority": Majority,
    "nearest": Nearest,
    "tfidf": TfIdf,
}

__all__ = ["BASELINES", "Baseline"]
