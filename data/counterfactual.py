"""Counterfactual copies of training examples: the same text about somebody else, with the same answer.

A model that has read both cannot learn that the answer goes with the one or the other. Source: Zhao et al. 2018,
arXiv:1804.06876 (swapping gender), Kaushik et al. 2020, arXiv:1909.12434 (counterfactually augmented data).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from data.config import Config
from data.language import UNSPACED

Term = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_WORD = rf"[^\W{UNSPACED}]"
"""A character of a word that spaces end; Han and kana may stand right beside one another's words."""


class CounterfactualConfig(Config):
    """What is exchanged for what."""

    swaps: tuple[tuple[Term, Term], ...] = Field(min_length=1)
    """Pairs, each exchanged both ways: [he, she], [先生, 女士]. A word of letters is found as a whole word and in any
    case, and its copy keeps the case; Chinese is found wherever it stands, the longest term first."""
    keep: tuple[Term, ...] = ()
    """Words that stay as they are although they hold a term, as 其他 holds 他."""

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        terms = [term.lower() for pair in self.swaps for term in pair] + [term.lower() for term in self.keep]
        if twice := sorted({term for term in terms if terms.count(term) > 1}):
            raise ValueError(
                f"counterfactual: {', '.join(twice)} written more than once, so it is not clear what to put there; "
                "give every term one partner, or keep it"
            )
        return self

    def swapped(self, text: str) -> str:
        """Returns the text with every term exchanged for its partner; equal to the text where it holds none."""
        return self._pattern.sub(self._partner, text)

    def augmented(self, examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns the examples and behind them, in their order, a copy of each that holds a term.

        Free answers are exchanged as inputs are; a class stays what it is.

        Args:
            examples: rows as `read_examples` gives them, with `label` None where the answer is free text.
        """
        copies = []
        for example in examples:
            copy = {**example, "input": self.swapped(example["input"])}
            if example["label"] is None:
                copy["target"] = self.swapped(example["target"])
            if (copy["input"], copy["target"]) != (example["input"], example["target"]):
                copies.append(copy)
        return [*examples, *copies]

    @cached_property
    def _partners(self) -> dict[str, str]:
        return {one.lower(): other for pair in self.swaps for one, other in (pair, pair[::-1])}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        terms = sorted([*self._partners, *self.keep], key=lambda term: (-len(term), term))
        return re.compile("|".join(map(_whole, terms)), re.IGNORECASE)

    def _partner(self, found: re.Match[str]) -> str:
        given = found[0]
        partner = self._partners.get(given.lower())
        if partner is None:
            return given
        if given.isupper() and len(given) > 1:
            return partner.upper()
        return partner[:1].upper() + partner[1:] if given[:1].isupper() else partner


def _whole(term: str) -> str:
    """A pattern of the term that is not part of a longer word."""
    before = rf"(?<!{_WORD})" if re.match(_WORD, term) else ""
    after = rf"(?!{_WORD})" if re.match(_WORD, term[-1]) else ""
    return before + re.escape(term) + after
