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
from lightning_modules.metrics.signatures import ONE_REFERENCE
from lightning_modules.metrics.splitting import words

_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
"""Where a sentence ends."""


class CharacterTokenizer(Tokenizer):
    """Single characters of scripts without spaces, whole lower-case words and numbers of all others."""

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens; punctuation is dropped."""
        return words(text.lower())


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
        return {"rouge_l": "rougeL", "rouge_lsum": "rougeLsum"}.get(self.name, self.name)

    @property
    def signature(self) -> str:
        """Says how the text was split."""
        return (
            f"{self._kind}|{ONE_REFERENCE}|f-measure|tokens:{self._split}|rouge-score:{version('rouge-score')}|percent"
        )

    def prepared(self, text: str) -> str:
        """Returns the text as rouge-score is to read it."""
        return text

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the F-measure, 1."""
        pairs = zip(outputs.predictions, outputs.references, strict=True)
        scores = [
            self._scorer.score_multi(list(map(self.prepared, references)), self.prepared(prediction))[
                self._kind
            ].fmeasure
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


class RougeLsum(Rouge):
    """Longest common subsequence of each sentence of a reference with all sentences of the summary together.

    rouge-score takes lines for sentences; here they also end at `.!?` before white space and at `。！？`.
    """

    name: ClassVar[str] = "rouge_lsum"

    @property
    def signature(self) -> str:
        """Says how the text was split, sentences included."""
        return super().signature + "|sentences:lines and .!?。！？"

    def prepared(self, text: str) -> str:
        """Returns the text with each sentence on a line of its own."""
        return _SENTENCES.sub("\n", text)
