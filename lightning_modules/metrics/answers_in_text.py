"""Exact match and F1 of answers taken from a text, in percent, against the best of the right answers.

Answers are compared as SQuAD does: in lower case, without punctuation, the words a, an and the, and surplus spaces. Its
script would take a Chinese sentence for one word and knows ASCII punctuation alone; so here every Han or kana character
is a word, punctuation is what Unicode calls so, and forms of one character (NFKC) are equal. English answers in ASCII
score as in SQuAD's own script. An empty answer, 'the text does not say', is right against an empty one only.

Source: Rajpurkar et al. 2016, arXiv:1606.05250, section 6.1; CMRC 2018 (Cui et al., arXiv:1810.07366) for characters.
Shapes: N examples. Statistics (N, 2): the score, 1.
"""

import re
import unicodedata
from abc import abstractmethod
from collections import Counter
from typing import ClassVar

import numpy as np

from data.language import split_words
from lightning_modules.metrics.base import Floats, Metric, Outputs

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def answer_words(text: str) -> list[str]:
    """Returns the words and characters that an answer is compared by."""
    lower = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(c for c in lower if c not in _ASCII_PUNCTUATION and not unicodedata.category(c).startswith("P"))
    return split_words(_ARTICLES.sub(" ", kept))


class AnswerMetric(Metric):
    """Mean over the examples of the best score against one of the right answers."""

    @property
    def signature(self) -> str:
        """Says what is compared."""
        return (
            f"{self.name}|squad normalisation, nfkc, unicode punctuation|tokens:words, han and kana characters|percent"
        )

    @abstractmethod
    def score(self, prediction: list[str], reference: list[str]) -> float:
        """Returns the score, 0 to 1, of one answer against one right answer."""

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the score, 1."""
        scores = []
        for prediction, references in zip(outputs.predictions, outputs.references, strict=True):
            words = answer_words(prediction)
            scores.append(max(self.score(words, answer_words(reference)) for reference in references))
        return np.stack([np.array(scores, dtype=np.float64), np.ones(len(scores))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


class AnswerExactMatch(AnswerMetric):
    """Share of answers that are a right one."""

    name: ClassVar[str] = "answer_exact_match"

    def score(self, prediction: list[str], reference: list[str]) -> float:
        """Returns 1 where all words are equal."""
        return float(prediction == reference)


class AnswerF1(AnswerMetric):
    """Mean overlap with the nearest right answer."""

    name: ClassVar[str] = "answer_f1"

    def score(self, prediction: list[str], reference: list[str]) -> float:
        """Returns 2 shared / (words of both), each word as often as both have it."""
        if not (prediction and reference):
            return float(prediction == reference)
        shared = (Counter(prediction) & Counter(reference)).total()
        return 2 * shared / (len(prediction) + len(reference))
