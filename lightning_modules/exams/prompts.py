"""A task put into words: template, verbaliser and shown examples, as token ids cut to what a network reads.

What stands before a label, the label's words and what stands after them are encoded apart, in questions and in shown
examples alike, so that no piece crosses from one into the other. A space before the label goes with its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.packing import Ints
from data.tokenizer import Tokenizer

INPUT, LABEL = "{input}", "{label}"


class Template(NamedTuple):
    """A template in its parts: `before` the input, `between` it and the label, `after` the label."""

    before: str
    between: str
    after: str

    @classmethod
    def parse(cls, text: str) -> Template:
        """Divides a template.

        Raises:
            ValueError: it has not each of the two places once, the input first.
        """
        if text.count(INPUT) != 1 or text.count(LABEL) != 1 or text.index(INPUT) > text.index(LABEL):
            raise ValueError(f"template {text!r}: write {INPUT} once and after it {LABEL} once")
        before, rest = text.split(INPUT)
        between, after = rest.split(LABEL)
        return cls(before, between, after)


@dataclass(frozen=True)
class Question:
    """What stands before the label of one question, and after it."""

    before: Ints
    after: Ints


class Prompts:
    """Makes questions of inputs."""

    def __init__(
        self,
        template: Template,
        verbalizer: Mapping[str, str],
        separator: str,
        tokenizer: Tokenizer,
        positions: int,
    ) -> None:
        """Encodes what is the same in all questions.

        Args:
            positions: the longest row that the networks read.
        """
        self._positions, self._tokenizer = positions, tokenizer
        space = " " if template.between.endswith(" ") else ""
        fixed = [template.before, template.between.rstrip(" "), template.after, separator]
        self._before, self._between, self._after, self._separator = map(self._encode, fixed)
        self.labels: dict[str, Ints] = {name: self._encode(space + text) for name, text in verbalizer.items()}

    def questions(self, inputs: Sequence[str], examples: Sequence[tuple[str, str]] = ()) -> list[Question]:
        """Returns a question for each input, with the examples (input, class) before each in their order.

        Inputs are cut, those of questions and examples to the same length, so that all fits the positions.

        Raises:
            ValueError: there is no room for any input.
        """
        longest = max(map(len, self.labels.values()))
        words = len(self._before) + len(self._between) + len(self._after) + longest
        room = self._positions - 2 - words  # bos, and eos of masked reading
        room -= len(examples) * (words + len(self._separator))
        each = room // (len(examples) + 1)
        if each < 1:
            raise ValueError(
                f"{len(examples)} shots and the template's own words leave no room for an input in {self._positions} "
                "positions; lower shots, shorten the template, or raise model.max_positions"
            )
        texts = self._tokenizer.encode_batch([text for text, _ in examples] + list(inputs))
        cut = [np.array(ids[:each], np.int64) for ids in texts]
        shown = [
            part
            for text, (_, label) in zip(cut, examples, strict=False)
            for part in (self._before, text, self._between, self.labels[label], self._after, self._separator)
        ]
        return [
            Question(np.concatenate([*shown, self._before, text, self._between]), self._after)
            for text in cut[len(examples) :]
        ]

    def _encode(self, text: str) -> Ints:
        return np.array(self._tokenizer.encode(text), np.int64)
