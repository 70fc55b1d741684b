"""How much the texts of a pool resemble one another.

Source: Zhu et al. 2018, arXiv:1802.01886, section 3.2.1. Shapes: N texts, P pairs of a text and another one left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from sacrebleu.metrics.bleu import BLEU as SacreBLEU

from data.packing import Ints
from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.pool import shared_out
from lightning_modules.metrics.translation import ORDER, TOKENIZERS, bleu

_Gram = tuple[str, ...]
_Holders = dict[_Gram, list[tuple[int, int]]]


class _Text(NamedTuple):
    length: int
    grams: Counter[_Gram]


class SelfBleu(Metric):
    """Mean over the texts of the BLEU of each with all others as its references, in percent; lower is more diverse.

    It rises with the size of the pool: only pools of equally many texts compare. Equal to sacrebleu's sentence BLEU
    with effective order. What the pool loses without a text (see `pool.py`) is its own BLEU and what the others lose by
    missing it; that is found without scoring every text against every pool, since a text's BLEU changes only if the one
    left out has more of some n-gram than all others, or the length nearest to its own.
    """

    name: ClassVar[str] = "self_bleu"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    pooled: ClassVar[bool] = True

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self._reference: Any = SacreBLEU(tokenize=TOKENIZERS.get(language, "13a"), effective_order=True)

    @property
    def signature(self) -> str:
        """sacrebleu's own, but for the number of references."""
        self._reference.num_refs = 1
        return f"self_bleu|{self._reference.get_signature()}".replace("nrefs:1", "nrefs:all other texts")

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): influence of the text, with its share of the rest; 1."""
        texts = [self._counted(text) for text in outputs.predictions]
        holders = _most(texts)
        lengths_N = np.array([text.length for text in texts])
        own_N = np.zeros((len(texts), 2 + 2 * ORDER))
        changed, left_out, without = [], [], []
        for index, text in enumerate(texts):
            nearest = _nearest(lengths_N, index)
            totals = [max(0, text.length - order) for order in range(ORDER)]
            matches, lost = _matches(index, text, holders)
            own_N[index] = [text.length, nearest[0][0], *matches, *totals]
            if nearest[0][0] != nearest[1][0]:
                lost.setdefault(nearest[0][1], np.zeros(ORDER))
            for other, fewer in lost.items():
                length = nearest[1][0] if other == nearest[0][1] else nearest[0][0]
                changed.append(index)
                left_out.append(other)
                without.append([text.length, length, *(matches - fewer), *totals])
        scores_N = bleu(own_N, effective_order=True)
        influence_N = scores_N.copy()
        if without:
            np.add.at(influence_N, left_out, scores_N[changed] - bleu(np.array(without), effective_order=True))
        return np.stack([shared_out(influence_N, scores_N.sum()), np.ones(len(texts))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return sums[..., 0] / sums[..., 1]

    def _counted(self, text: str) -> _Text:
        tokens = self._reference._preprocess_segment(text).split()
        return _Text(len(tokens), Counter(_grams(tokens)))


def _grams(tokens: list[str]) -> Iterator[_Gram]:
    for order in range(1, ORDER + 1):
        yield from zip(*(tokens[start:] for start in range(order)), strict=False)


def _most(texts: list[_Text]) -> _Holders:
    """Returns of every n-gram the three texts that hold most of it, (count, text), the most first."""
    holders: _Holders = defaultdict(list)
    for index, text in enumerate(texts):
        for gram, count in text.grams.items():
            found = holders[gram]
            found.append((count, index))
            found.sort(reverse=True)
            del found[3:]
    return holders


def _matches(index: int, text: _Text, holders: _Holders) -> tuple[Floats, dict[int, Floats]]:
    """Returns the text's matches of each order, and how many fewer they are without some other text."""
    matches, lost = np.zeros(ORDER), dict[int, Floats]()
    for gram, count in text.grams.items():
        (first, other), (second, _) = [*(held for held in holders[gram] if held[1] != index), (0, -1), (0, -1)][:2]
        matched = min(count, first)
        matches[len(gram) - 1] += matched
        if matched > second:
            lost.setdefault(other, np.zeros(ORDER))[len(gram) - 1] += matched - second
    return matches, lost


def _nearest(lengths_N: Ints, index: int) -> list[tuple[int, int]]:
    """Returns (length, text) of the two other texts nearest in length, the shorter first of equally near ones."""
    order = np.lexsort((lengths_N, np.abs(lengths_N - lengths_N[index])))
    others = [(int(lengths_N[other]), int(other)) for other in order[:3] if other != index]
    return [*others, (0, -1), (0, -1)][:2]
