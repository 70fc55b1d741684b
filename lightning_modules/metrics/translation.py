"""BLEU, chrF and TER as sacrebleu defines them, from its own per-sentence statistics.

Only the last step, from summed statistics to the score, is written here, because it must run over thousands of
resamples at once; tests hold it to sacrebleu's value.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar, Literal

import numpy as np
from sacrebleu.metrics.bleu import BLEU as SacreBLEU
from sacrebleu.metrics.chrf import CHRF as SacreCHRF
from sacrebleu.metrics.ter import TER as SacreTER

from lightning_modules.metrics.base import Floats, Metric, Outputs

TOKENIZERS = {"zh": "zh", "ja": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}
"""Languages written without spaces; sacrebleu's default gives identical Chinese sentences a BLEU of 0."""
ORDER = 4
"""Longest n-grams of BLEU."""


def bleu(statistics: Floats, effective_order: bool) -> Floats:
    """Returns BLEU (...) of statistics (..., 10), in percent, with sacrebleu's smoothing 'exp' of zero counts.

    Args:
        statistics: hypothesis length, reference length, 4 match counts, 4 n-gram counts.
        effective_order: leave out the orders that the hypothesis is too short for; without, it then has 0.
    """
    length, reference_length = statistics[..., 0], statistics[..., 1]
    matches, totals = statistics[..., 2 : 2 + ORDER], statistics[..., 2 + ORDER :]
    usable = totals > 0
    halvings = np.cumsum((matches == 0) & usable, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(usable, np.where(matches > 0, matches, 0.5**halvings) / totals, 1.0)
        penalty = np.exp(np.minimum(0.0, 1.0 - reference_length / length))
        scores = 100 * penalty * np.exp(np.log(precisions).sum(-1) / np.maximum(usable.sum(-1), 1))
    scored = matches.sum(-1) > 0
    return np.where(scored if effective_order else scored & usable.all(-1), scores, 0.0)


class _Sacrebleu(Metric):
    """A metric of sacrebleu's, which is `_reference`."""

    _reference: Any

    @property
    def signature(self) -> str:
        """sacrebleu's own."""
        self._reference.num_refs = 1
        return f"{self._reference.get_signature()}"


class Bleu(_Sacrebleu):
    """Corpus BLEU: geometric mean of the precisions of 1- to 4-grams, times the brevity penalty, in percent.

    Source: Papineni et al. 2002; smoothing 'exp' of zero counts as in sacrebleu (Post 2018).
    """

    name: ClassVar[str] = "bleu"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self._reference = SacreBLEU(tokenize=TOKENIZERS.get(language, "13a"))

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 10): hypothesis length, reference length, 4 match counts, 4 n-gram counts."""
        return _statistics(self._reference, outputs)

    def value(self, sums: Floats) -> Floats:
        """Returns percent; 0 where nothing matches or a sentence is too short for an n-gram."""
        return bleu(sums, effective_order=False)


class Chrf(_Sacrebleu):
    """Corpus chrF2: F-score (recall counts twice) of character 1- to 6-grams, in percent. Needs no tokenizer.

    Source: Popovic 2015.
    """

    name: ClassVar[str] = "chrf"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self._reference = SacreCHRF()

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 18): for each order, n-grams of the hypothesis, of the reference, and common ones."""
        return _statistics(self._reference, outputs)

    def value(self, sums: Floats) -> Floats:
        """Returns percent. Orders that either side is too short for are left out of the mean."""
        counts = sums.reshape(*sums.shape[:-1], -1, 3)
        hypothesis, reference, common = counts[..., 0], counts[..., 1], counts[..., 2]
        usable = (hypothesis > 0) & (reference > 0)
        orders = np.maximum(usable.sum(-1), 1)
        precision = (common / np.where(usable, hypothesis, np.inf)).sum(-1) / orders
        recall = (common / np.where(usable, reference, np.inf)).sum(-1) / orders
        factor = self._reference.beta**2
        denominator = factor * precision + recall
        scores: Floats = 100 * (1 + factor) * precision * recall / np.where(denominator > 0, denominator, 1.0)
        return scores


class Ter(_Sacrebleu):
    """Translation edit rate: insertions, deletions, substitutions and shifts by words of the reference, in percent.

    Nothing bounds it by 100. Han and kana are split into characters; Thai and its neighbours are not, so a line of
    these counts as few words. Source: Snover et al. 2006.
    """

    name: ClassVar[str] = "ter"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        unspaced = language in {"zh", "ja"}
        self._reference = SacreTER(normalized=unspaced, asian_support=unspaced)

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): fewest edits to any reference, mean length of the references."""
        return _statistics(self._reference, outputs)

    def value(self, sums: Floats) -> Floats:
        """Returns percent; edits of empty references count as 100."""
        edits, length = sums[..., 0], sums[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return 100 * np.where(length > 0, edits / length, edits > 0)


def _statistics(reference: Any, outputs: Outputs) -> Floats:
    """Returns sacrebleu's statistics (N, K); examples may have different numbers of references."""
    references = list(zip_longest(*outputs.references))
    return np.array(reference._extract_corpus_statistics(outputs.predictions, references), dtype=np.float64)
