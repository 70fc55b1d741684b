"""ROUGE F-measures as rouge-score computes them, in percent; with several references the best one counts.

Source: Lin 2004. rouge-score's own tokenizer drops every character outside [a-z0-9]: identical Chinese sentences would
score 0. So texts in other scripts are split here, into characters where words are written without spaces.
"""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import ClassVar

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer, Tokenizer

from lightning_modules.metrics.base import Floats, Metric, Outputs

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han."""
_TOKENS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


class CharacterTokenizer(Tokenizer):
    """Single characters of scripts without spaces, whole lower-case words and numbers of all others."""

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens; punctuation is dropped."""
        return _TOKENS.findall(text.lower())


class Rouge(Metric):
    """Mean over the examples of one ROUGE F-measure."""

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        english = language == "en"
        self._scorer = RougeScorer(
            [self._kind], tokenizer=DefaultTokenizer(use_stemmer=True) if english else CharacterTokenizer()
        )
        self._split = "porter-stemmed words" if english else "words, characters of unspaced scripts"

    @property
    def _kind(self) -> str:
        return self.name.replace("rouge_l", "rougeL")

    @property
    def signature(self) -> str:
        """Says how the text was split."""
        return f"{self._kind}|f-measure|tokens:{self._split}|rouge-score:{version('rouge-score')}|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the F-measure, 1."""
        pairs = zip(outputs.predictions, outputs.references, strict=True)
        scores = [
            self._scorer.score_multi(list(references), prediction)[self._kind].fmeasure
            for prediction, references in pairs
        ]
        return np.stack([np.array(scores, dtype=np.float64), np.ones(len(scores))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


class Rouge1(Rouge):
    """Overlap of single words."""

    name: ClassVar[str] = "rouge1"


class Rouge2(Rouge):
    """Overlap of pairs of words."""

    name: ClassVar[str] = "rouge2"


class RougeL(Rouge):
    """Longest common subsequence."""

    name: ClassVar[str] = "rouge_l"
