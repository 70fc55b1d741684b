"""Baseline of generation: say what was said to the training input that is most alike."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from lightning_modules.baselines.base import Baseline

_AT_ONCE = 256


class Nearest(Baseline):
    """The answer of the nearest training example by cosine of tf-idf; of equals the first."""

    name: ClassVar[str] = "nearest"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Compares words and pairs of them, or 1- to 3-grams of characters where there are no spaces."""
        unspaced = self.description.unspaced
        features = TfidfVectorizer(
            analyzer="char" if unspaced else "word",
            ngram_range=(1, 3) if unspaced else (1, 2),
            token_pattern=None if unspaced else r"(?u)\b\w+\b",
            sublinear_tf=True,
        )
        known = features.fit_transform([text for text, _ in train]).T
        asked = features.transform(inputs)
        found: list[int] = []
        for start in range(0, len(inputs), _AT_ONCE):
            found += np.asarray((asked[start : start + _AT_ONCE] @ known).argmax(axis=1)).ravel().tolist()
        return [train[index][1] for index in found]
