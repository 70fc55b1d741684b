"""Labelled examples as rows of token ids, by what their answers are: what training reads and networks are asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data.counterfactual import SwapConfig
from data.document import Split
from data.encodings.classes import encode_classes
from data.encodings.ranking import encode_queries
from data.encodings.span import encode_questions
from data.encodings.tags import encode_tags
from data.examples import Answers, EncodedExamples, TaskDescription, encode_examples
from data.prompts import Template

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

COPIED: frozenset[Answers] = frozenset({"class", "text"})
"""Answers that a counterfactual copy can keep or exchange; others say places in a text, which move."""

Encode = Callable[[Path, Split, "Tokenizer", int, int], EncodedExamples]

ENCODINGS: dict[Answers, Encode] = {
    "class": encode_examples,
    "classes": encode_classes,
    "ranking": encode_queries,
    "span": encode_questions,
    "tags": encode_tags,
    "text": encode_examples,
}

__all__ = ["COPIED", "ENCODINGS", "encode_split"]


def encode_split(
    folder: Path,
    split: Split,
    tokenizer: Tokenizer,
    sequence_length: int,
    threads: int = 1,
    template: Template = "pair",
    counterfactual: SwapConfig | None = None,
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact for training, laid out by `template` where answers are written.

    `counterfactual` adds copies of examples whose answers are a class or free text.

    Raises:
        ValueError: no example fits rows of so many positions.
    """
    answers = TaskDescription.load(folder).answers
    if answers in COPIED:
        return encode_examples(folder, split, tokenizer, sequence_length, threads, template, counterfactual)
    return ENCODINGS[answers](folder, split, tokenizer, sequence_length, threads)
