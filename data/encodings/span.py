"""Questions about a context: `question [sep] context`, in overlapping windows where the context is long.

An answer starts and ends with a unit of the context. A window that does not hold all of it has no answer, as in BERT's
reading of SQuAD (Devlin et al. 2019, arXiv:1810.04805, sections 4.2 and 4.3). Shapes: U units of a context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.document import Split
from data.example_rows import UnitRows
from data.examples import EncodedExamples, read_examples
from data.packing import Ints
from data.question import split_input
from data.units import EncodedUnits, encode_units, windows
from data.vocabulary import SPECIALS

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

SPECIALS_OF_A_ROW = 3
"""bos, sep and eos; bos is also where 'no answer' is."""


@dataclass(frozen=True, eq=False)
class QuestionWindow:
    """A question with a part of its context."""

    ids: Ints
    """Question, sep, context: all of a row but bos and eos."""
    places: Ints
    """Indices in `ids` of the first token of each unit of the context."""
    units: EncodedUnits
    """Of the context; characters count from its start."""

    def answer(self, start: int, end: int) -> Ints:
        """Returns where the characters [start, end) of the context start and end, as `UnitRows.labels` has it."""
        inside = self.units.within(start, end)
        if not len(inside) or self.units.starts_U[0] > start or self.units.ends_U[-1] < end:
            return np.zeros(2, dtype=np.int64)
        return np.array([inside[0], inside[-1]]) + 1


def question_windows(tokenizer: Tokenizer, text: str, sequence_length: int) -> tuple[list[QuestionWindow], bool]:
    """Returns all windows of an input, and whether its question had to be cut: it has at most half of a row.

    Each window starts half a window behind the one before. A context without a unit has none.
    """
    question, context = split_input(text)
    asked = tokenizer.encode(question)
    most = max(1, (sequence_length - SPECIALS_OF_A_ROW) // 2)
    prompt = np.array([*asked[:most], SPECIALS.sep], dtype=np.int64)
    encoded = encode_units(tokenizer, context)
    room = sequence_length - SPECIALS_OF_A_ROW + 1 - len(prompt)
    found = []
    for first, last in windows(encoded, room, stride=max(1, room // 2)):
        part = encoded.cut(first, last)
        ids = np.concatenate([prompt, part.ids_N[:room]])
        found.append(QuestionWindow(ids, len(prompt) + part.first_U, part))
    return found, len(asked) > most


def encode_questions(
    folder: Path, split: Split, tokenizer: Tokenizer, sequence_length: int, threads: int
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact whose answers are a `span`.

    Raises:
        ValueError: no context has a word.
    """
    rows: list[tuple[QuestionWindow, Ints]] = []
    truncated = dropped = 0
    for example in read_examples(folder, split):
        found, cut = question_windows(tokenizer, example["input"], sequence_length)
        truncated += cut
        dropped += not found
        rows += [(window, _answer(window, example["input"], example["details"]["span"])) for window in found]
    if not rows:
        raise ValueError(f"{folder / split}: none of {dropped} contexts has a word or a character")
    return EncodedExamples(question_rows(rows), _lengths([window for window, _ in rows]), truncated, dropped)


def question_rows(rows: Sequence[tuple[QuestionWindow, Ints]]) -> UnitRows:
    """Returns windows and their answers as the view reads them."""
    return UnitRows(
        [window.ids for window, _ in rows], [window.places for window, _ in rows], [answer for _, answer in rows]
    )


def _answer(window: QuestionWindow, text: str, span: Sequence[int] | None) -> Ints:
    if span is None:
        return np.zeros(2, dtype=np.int64)
    offset = len(text) - len(split_input(text)[1])
    return window.answer(span[0] - offset, span[1] - offset)


def _lengths(found: Sequence[QuestionWindow]) -> Ints:
    return np.array([len(window.ids) + 2 for window in found])
