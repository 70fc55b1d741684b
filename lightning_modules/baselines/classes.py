"""Baselines of classification: the most frequent class, and a linear model of word counts."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lightning_modules.baselines.base import Baseline


class Majority(Baseline):
    """The most frequent class of the training examples, whatever the text."""

    name: ClassVar[str] = "majority"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns one and the same class; of equally frequent ones the first of the alphabet."""
        counts = Counter(answer for _, answer in train)
        return [min(counts, key=lambda label: (-counts[label], label))] * len(inputs)


class TfIdf(Baseline):
    """Logistic regression on tf-idf of words and pairs, or of 1- to 3-grams of characters where there are no spaces."""

    name: ClassVar[str] = "tfidf"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Fits on the training examples and predicts."""
        unspaced = self.description.unspaced
        features = TfidfVectorizer(
            analyzer="char" if unspaced else "word", ngram_range=(1, 3) if unspaced else (1, 2), sublinear_tf=True
        )
        model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=1000))
        texts, labels = zip(*train, strict=True)
        model.fit(texts, labels)
        return [str(label) for label in model.predict(inputs)]
