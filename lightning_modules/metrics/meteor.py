"""METEOR as nltk computes it: words aligned one to one, recall above precision, and a penalty for broken order.

The full metric knows synonyms, which takes WordNet, a download that nltk does not bring along. What aligns without it
is another metric of another name, so that a score never depends on what a machine has installed. Identical texts score
below 100: one unbroken run of m words costs 0.5 / m^3. Source: Banerjee and Lavie 2005; Denkowski and Lavie 2014.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score

from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.signatures import ONE_REFERENCE
from lightning_modules.metrics.splitting import pieces


class AlignedWords(Metric):
    """Mean over the examples of nltk's METEOR, the best reference counting, in percent."""

    stemmer: Any
    synonyms: Any
    """As nltk's WordNet reader: `synsets(word)`."""
    matching: str

    @property
    def signature(self) -> str:
        """Says what counts as the same word, and how texts were split."""
        tokens = "words, punctuation, characters of unspaced scripts"
        return (
            f"{self.name}|{ONE_REFERENCE}|match:{self.matching}|alpha:0.9|beta:3|gamma:0.5|tokens:{tokens}|case:lower"
            f"|nltk:{version('nltk')}|percent"
        )

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the score of each example, 1."""
        scores = [
            meteor_score(
                [pieces(reference) for reference in references],
                pieces(prediction),
                stemmer=self.stemmer,
                wordnet=self.synonyms,
            )
            for prediction, references in zip(outputs.predictions, outputs.references, strict=True)
        ]
        return np.stack([np.array(scores, dtype=np.float64), np.ones(len(scores))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


class Meteor(AlignedWords):
    """English with stems and WordNet's synonyms."""

    name: ClassVar[str] = "meteor"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        """Opens WordNet.

        Raises:
            ValueError: the language is not English, or WordNet is not installed.
        """
        super().__init__(language, labels)
        if language != "en":
            raise ValueError(f"metric meteor knows synonyms of en, not of {language!r}; take meteor_exact_stem")
        from nltk.corpus import wordnet

        try:
            wordnet.ensure_loaded()
        except LookupError as error:
            raise ValueError(
                "metric meteor needs WordNet in a folder nltk_data, or where NLTK_DATA points to, and found none; "
                "install it (docs/metrics.md says how, also without a network) or take meteor_exact_stem"
            ) from error
        self.stemmer, self.synonyms = PorterStemmer(), wordnet
        self.matching = f"exact, porter stem, WordNet {wordnet.get_version()} synonym"


class MeteorExactStem(AlignedWords):
    """Equal words only; in English also equal stems. Chinese is aligned character by character."""

    name: ClassVar[str] = "meteor_exact_stem"

    def __init__(self, language: str, labels: Sequence[str] = ()) -> None:
        super().__init__(language, labels)
        self.stemmer = PorterStemmer() if language == "en" else _Whole()
        self.synonyms = _NoSynonyms()
        self.matching = "exact, porter stem" if language == "en" else "exact"


class _Whole:
    def stem(self, word: str) -> str:
        return word


class _NoSynonyms:
    def synsets(self, _: str) -> list[Any]:
        return []
