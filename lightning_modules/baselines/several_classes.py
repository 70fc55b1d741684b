"""Baselines of texts with any number of classes: what most have, and a linear model of word counts for each class."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from data.answers import classes_text, read_classes
from lightning_modules.baselines.base import Baseline


class LabelsMajority(Baseline):
    """The set of classes that most training examples have, whatever the text."""

    name: ClassVar[str] = "labels_majority"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns one and the same set; of equally frequent ones the first of the alphabet."""
        counts = Counter(answer for _, answer in train)
        return [min(counts, key=lambda answer: (-counts[answer], answer))] * len(inputs)


class LabelsTfIdf(Baseline):
    """For each class a logistic regression, as `tfidf` has for one class of all."""

    name: ClassVar[str] = "labels_tfidf"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Fits on the training examples and predicts; a class that all or none of them have stays as it is."""
        unspaced = self.description.unspaced
        features = TfidfVectorizer(
            analyzer="char" if unspaced else "word", ngram_range=(1, 3) if unspaced else (1, 2), sublinear_tf=True
        )
        train_NF = features.fit_transform([text for text, _ in train])
        inputs_MF = features.transform(inputs)
        given: list[list[str]] = [[] for _ in inputs]
        for label in self.description.labels:
            own_N = np.array([label in read_classes(answer) for _, answer in train])
            if own_N.all() or not own_N.any():
                found_M = np.full(len(inputs), own_N.all())
            else:
                found_M = LogisticRegression(C=10.0, max_iter=1000).fit(train_NF, own_N).predict(inputs_MF)
            for place in np.flatnonzero(found_M):
                given[place].append(label)
        return [classes_text(names) for names in given]
