"""Baseline of extractive question answering: the sentence that shares most words with the question."""

import re
from collections.abc import Sequence
from typing import ClassVar

from data.question import split_input
from data.units import unit_spans
from lightning_modules.baselines.base import Baseline

_SENTENCES = re.compile(r"[^\n]+?(?:[.!?]+(?=\s|$)|[。！？]+|(?=\n)|$)")
"""Up to the mark that ends a sentence, of either width, or the end of a line; knows no abbreviations."""


class NearestSentence(Baseline):
    """The sentence with the largest part of the question's words, or characters where there are no spaces."""

    name: ClassVar[str] = "nearest_sentence"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns one sentence of each context, the first of equally good ones, without the mark that ends it."""
        return [_nearest(*split_input(text)) for text in inputs]


def _nearest(question: str, context: str) -> str:
    asked = _words(question)
    sentences = [found[0].strip() for found in _SENTENCES.finditer(context)]
    best = max(sentences, key=lambda sentence: len(asked & _words(sentence)), default=context)
    return best.rstrip(".!?。！？ ")


def _words(text: str) -> set[str]:
    return {text[start:end].casefold() for start, end in unit_spans(text)}
