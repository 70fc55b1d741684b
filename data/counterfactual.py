"""The counterfactual of a text: the same text with the words of two groups exchanged.

"He thanked his father" becomes "She thanked her mother"; what a model makes of both should not differ (Kusner et al.
2017, arXiv:1703.06856; Garg et al. 2019, arXiv:1809.10610). Words are whole words where a script has spaces, and
runs of characters, the longest first, where it has none.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

from pydantic import model_validator

from data.config import Config
from data.language import UNSPACED
from data.naming import look_up
from data.swap_lists import SWAP_LISTS

_WORD_CHARACTER = f"[^\\W{UNSPACED}]"
"""What words are made of that spaces divide."""


class SwapConfig(Config):
    """Which words change places."""

    lists: tuple[str, ...] = ()
    """Names in `SWAP_LISTS`, such as gender_en, gender_zh."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Words of one's own, which go before those of the lists."""
    keep: tuple[str, ...] = ()
    """Words that hold one of the others and stay as they are, such as 其他, which holds 他."""

    @model_validator(mode="after")
    def _there_is_something_to_swap(self) -> Self:
        for name in self.lists:
            look_up("list of words to swap", name, SWAP_LISTS)
        if not self.lists and not self.pairs:
            raise ValueError(
                f"nothing to swap; give pairs: [[he, she], ...], or lists, any of {', '.join(sorted(SWAP_LISTS))}"
            )
        if bad := [pair for pair in self.pairs if not all(map(str.strip, pair)) or _fold(pair[0]) == _fold(pair[1])]:
            raise ValueError(f"pairs: {list(bad[0])} must be two different words")
        return self


class Swapper:
    """Exchanges words; equal for equal settings, and its own inverse where no word is in two pairs."""

    def __init__(self, config: SwapConfig) -> None:
        """Prepares one pattern of all words."""
        lists = [SWAP_LISTS[name] for name in config.lists]
        self._becomes: dict[str, str] = {}
        for one, other in [*config.pairs, *(pair for listed in lists for pair in listed.pairs)]:
            self._becomes.setdefault(_fold(one), other)
            self._becomes.setdefault(_fold(other), one)
        kept = [*config.keep, *(word for listed in lists for word in listed.keep)]
        self._pattern = words_pattern([*self._becomes, *kept])

    def swap(self, text: str) -> str:
        """Returns the counterfactual; the text itself where it holds none of the words.

        A word in capitals, or with a capital in front, gets its partner so.
        """
        return self._pattern.sub(self._partner, text)

    def _partner(self, found: re.Match[str]) -> str:
        word = found[0]
        partner = self._becomes.get(_fold(word), word)
        if len(word) > 1 and word.isupper():
            return partner.upper()
        return partner[0].upper() + partner[1:] if word[0].isupper() else partner


def augmented(examples: Sequence[dict[str, Any]], swaps: SwapConfig) -> list[dict[str, Any]]:
    """Returns the examples and behind them, in their order, a copy of each that holds one of the words, exchanged.

    A network that has read both cannot learn that the answer goes with one of the groups. A class stays what it is, a
    free answer is exchanged as its input is. Source: Zhao et al. 2018, arXiv:1804.06876, section 4.1.

    Args:
        examples: rows as `data.examples.read_examples` gives them, with `label` None where the answer is free text.
        swaps: which words.
    """
    swapper, copies = Swapper(swaps), []
    for example in examples:
        copy = {**example, "input": swapper.swap(example["input"])}
        if example["label"] is None:
            copy["target"] = swapper.swap(example["target"])
        if (copy["input"], copy["target"]) != (example["input"], example["target"]):
            copies.append(copy)
    return [*examples, *copies]


def words_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Returns what finds any of the words in any case, of two at one place the longer one.

    A word that begins or ends with a letter of a script with spaces is found as a whole word only: 'he' is not in
    'the', but it is in '他说he'.
    """
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_bounded, longest_first)), re.IGNORECASE)


def _bounded(word: str) -> str:
    before = f"(?<!{_WORD_CHARACTER})" if re.match(_WORD_CHARACTER, word) else ""
    behind = f"(?!{_WORD_CHARACTER})" if re.match(_WORD_CHARACTER, word[-1]) else ""
    return f"{before}{re.escape(word)}{behind}"


def _fold(word: str) -> str:
    return word.lower()
