"""Baselines of generation: say what the input says."""

import re
import statistics
from collections.abc import Sequence
from typing import ClassVar

from lightning_modules.baselines.base import Baseline

_SENTENCE = re.compile(
    r"\s*(.+?(?:[.!?]+[\"'\u2019\u201d)]*(?=\s|$)|[\u3002\uff01\uff1f]+[\u2019\u201d\u300d]*|$|\n))", re.DOTALL
)
"""Up to the first mark that ends a sentence, of either width, or the first line break."""


class LeadSentence(Baseline):
    """The first sentence."""

    name: ClassVar[str] = "lead_sentence"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns the first sentence of each input; knows no abbreviations."""
        return [match[1].strip() if (match := _SENTENCE.match(text)) else text for text in inputs]


class LeadWords(Baseline):
    """The first words (characters where there are no spaces), as many as the median training answer has."""

    name: ClassVar[str] = "lead_words"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns the start of each input."""
        unspaced = self.description.unspaced
        count = round(statistics.median(len(answer if unspaced else answer.split()) for _, answer in train))
        return [text.strip()[:count] if unspaced else " ".join(text.split()[:count]) for text in inputs]


class CopySource(Baseline):
    """The input itself: names, numbers and what stays untranslated."""

    name: ClassVar[str] = "copy_source"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns the inputs."""
        return list(inputs)
