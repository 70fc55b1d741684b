"""BLEU and chrF as sacrebleu defines them, from its own per-sentence statistics.

Only the last step, from summed statistics to the score, is written here, because it must run over thousands of
resamples at once; tests hold it to sacrebleu's value.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sacrebleu.metrics.bleu import BLEU as SacreBLEU
from sacrebleu.metrics.chrf import CHRF as SacreCHRF

from lightning_modules.metrics.base import Floats, Metric, Outputs

_TOKENIZERS = {"zh": "zh", "ja": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}
"""Languages written without spaces; sacrebleu's default gives identical Chinese sentences a BLEU of 0."""
_ORDER = 4


class Bleu(Metric):
    """Corpus BLEU: geometric mean of the precisions of 1- to 4-grams, times the brevity penalty, in percent.

    Source: Papineni et al. 2002; smoothing 'exp' of zero counts as in sacrebleu (Post 2018).
    """

    name: ClassVar[str] = "bleu"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self._reference = SacreBLEU(tokenize=_TOKENIZERS.get(language, "13a"))

    @property
    def signature(self) -> str:
        """sacrebleu's own."""
        self._reference.num_refs = 1
        return f"{self._reference.get_signature()}"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 10): hypothesis length, reference length, 4 match counts, 4 n-gram counts."""
        references = list(zip(*outputs.references, strict=True))
        return np.array(self._reference._extract_corpus_statistics(outputs.predictions, references), dtype=np.float64)

    def value(self, sums: Floats) -> Floats:
        """Returns percent; 0 where nothing matches or a sentence is too short for an n-gram."""
        length, reference_length = sums[..., 0], sums[..., 1]
        matches, totals = sums[..., 2 : 2 + _ORDER], sums[..., 2 + _ORDER :]
        halvings = np.cumsum((matches == 0) & (totals > 0), axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precisions = np.where(matches > 0, matches, 0.5**halvings) / totals
            penalty = np.exp(np.minimum(0.0, 1.0 - reference_length / length))
            scores = 100 * penalty * np.exp(np.log(precisions).mean(-1))
        return np.where((matches.sum(-1) > 0) & (totals.min(-1) > 0), scores, 0.0)


class Chrf(Metric):
    """Corpus chrF2: F-score (recall counts twice) of character 1- to 6-grams, in percent. Needs no tokenizer.

    Source: Popovic 2015.
    """

    name: ClassVar[str] = "chrf"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self._reference = SacreCHRF()

    @property
    def signature(self) -> str:
        """sacrebleu's own."""
        self._reference.num_refs = 1
        return f"{self._reference.get_signature()}"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 18): for each order, n-grams of the hypothesis, of the reference, and common ones."""
        references = list(zip(*outputs.references, strict=True))
        return np.array(self._reference._extract_corpus_statistics(outputs.predictions, references), dtype=np.float64)

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
