"""Texts with any number of classes, cut to their rows. Shapes: N texts, K classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.answers import read_classes
from data.document import Split
from data.example_rows import ClassesRows
from data.examples import EncodedExamples, TaskDescription, read_examples

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

SPECIALS_OF_A_ROW = 2
"""bos and eos."""


def encode_classes(
    folder: Path, split: Split, tokenizer: Tokenizer, sequence_length: int, threads: int
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact whose answers are `classes`."""
    labels, examples = TaskDescription.load(folder).labels, read_examples(folder, split)
    encoded = tokenizer.encode_batch([example["input"] for example in examples], threads)
    room = sequence_length - SPECIALS_OF_A_ROW
    inputs = [np.array(ids[:room], np.int64) for ids in encoded]
    labels_NK = np.array([[label in read_classes(e["target"]) for label in labels] for e in examples], np.int64)
    return EncodedExamples(
        rows=ClassesRows(inputs, labels_NK),
        lengths_N=np.array([len(ids) + SPECIALS_OF_A_ROW for ids in inputs]),
        truncated=sum(len(ids) > room for ids in encoded),
        dropped=0,
    )
