"""Texts with a tag on each unit (BIO): nothing outside, and of each label the beginning and what goes on.

Longer texts become several rows, each of whole units. A label of a part of a word is learned, and answered, for the
whole word. Shapes: U units of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.answers import TaggedSpan, read_tags
from data.document import Split
from data.example_rows import UnitRows
from data.examples import EncodedExamples, TaskDescription, read_examples
from data.packing import Ints
from data.units import EncodedUnits, encode_units, windows

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

SPECIALS_OF_A_ROW = 2
"""bos and eos."""
OUTSIDE = 0


def tag_count(labels: int) -> int:
    """Returns how many tags there are of so many labels."""
    return 1 + 2 * labels


def encode_tags(
    folder: Path, split: Split, tokenizer: Tokenizer, sequence_length: int, threads: int
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact whose answers are `tags`.

    Raises:
        ValueError: no text has anything to tag.
    """
    labels, rows, dropped = TaskDescription.load(folder).labels, [], 0
    for example in read_examples(folder, split):
        encoded = encode_units(tokenizer, example["input"])
        tags_U = tags_of(encoded, read_tags(example["target"]), labels)
        parts = windows(encoded, sequence_length - SPECIALS_OF_A_ROW)
        dropped += not parts
        for first, last in parts:
            part = tagged_row(encoded.cut(first, last), sequence_length)
            rows.append((part.ids_N, part.first_U, tags_U[first:last]))
    if not rows:
        raise ValueError(f"{folder / split}: none of {dropped} texts has a word or a character to tag")
    inputs, places, tags = (list(column) for column in zip(*rows, strict=True))
    lengths_N = np.array([len(ids) + SPECIALS_OF_A_ROW for ids in inputs])
    return EncodedExamples(UnitRows(inputs, places, tags), lengths_N, truncated=0, dropped=dropped)


def tagged_row(part: EncodedUnits, sequence_length: int) -> EncodedUnits:
    """Returns a window as it fits a row: of a single unit longer than that, its beginning."""
    room = sequence_length - SPECIALS_OF_A_ROW
    return EncodedUnits(part.ids_N[:room], part.first_U, part.starts_U, part.ends_U)


def tags_of(encoded: EncodedUnits, spans: Iterable[TaggedSpan], labels: Sequence[str]) -> Ints:
    """Returns the tag of each unit; where two spans meet in one unit it goes on with the first."""
    tags_U = np.full(len(encoded.first_U), OUTSIDE, dtype=np.int64)
    for span in sorted(spans):
        units = encoded.within(span.start, span.end)
        units = units[tags_U[units] == OUTSIDE]
        begin = 1 + 2 * labels.index(span.label)
        tags_U[units] = begin + 1
        tags_U[units[:1]] = begin
    return tags_U


def spans_of_tags(encoded: EncodedUnits, tags_U: Ints, labels: Sequence[str]) -> list[TaggedSpan]:
    """Returns the spans that tags make; one that goes on where nothing began begins there, as conlleval counts."""
    found: list[TaggedSpan] = []
    going_on = OUTSIDE
    for start, end, tag in zip(encoded.starts_U.tolist(), encoded.ends_U.tolist(), tags_U.tolist(), strict=True):
        if tag != OUTSIDE and tag == going_on:
            found[-1] = found[-1]._replace(end=end)
        elif tag != OUTSIDE:
            found.append(TaggedSpan(start, end, labels[(tag - 1) // 2]))
        going_on = tag + tag % 2 if tag != OUTSIDE else OUTSIDE  # the tag that would go on with this one
    return found
