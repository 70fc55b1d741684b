"""A small classifier of texts: hashed n-grams of characters and words under logistic regression.

A text's logit is the mean of the weights of its n-grams' buckets (as in fastText, Joulin et al. 2017), scaled and
shifted to be a probability on texts that the weights were not fitted to (Platt 1999). Weights are whole numbers, so a
sum is exact and a score does not depend on the batch in which a text comes.

Shapes: N documents, F n-grams of all of them, B buckets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from data.document import draw
from data.text import TextColumn
from data.text.kernel import code_point, hash_end, hash_join, hash_start, kernel

BUCKET_BITS = 18
LONGEST = 4
"""Characters in the longest n-gram; the shortest has two. Of words, single ones and pairs are taken."""
HEAD_CHARACTERS = 2_000
"""Only the beginning of a text is read."""
TEST, CALIBRATION = 0.1, 0.2
"""Of each class the part drawn lowest judges the model, what lies between the two calibrates it, the rest fits it."""
MIN_EXAMPLES = 100
_ROWS_AT_ONCE = 512

Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """What a trained model is worth, on texts that it has not seen."""

    good: int
    """Different texts given as good."""
    bad: int
    auc: float
    """Probability that a good text scores above a bad one."""
    brier: float
    """Mean squared error of the probabilities; 0.25 is knowing nothing."""


@dataclass(frozen=True)
class QualityModel:
    """The weights and how they become probabilities."""

    weights_B: NDArray[np.int16]
    step: float
    """What one unit of a weight adds to the logit of a text that is nothing but its n-gram."""
    intercept: float
    threshold: float
    """Score under which a text counts as bad."""

    def scores(self, column: TextColumn) -> Floats:
        """(N,) probability of each text to be a good one; that of an empty text is the intercept's."""
        buckets_F, ends_N = ngram_buckets(column)
        totals = np.concatenate([[0], np.cumsum(self.weights_B[buckets_F], dtype=np.int64)])
        ends = np.concatenate([[0], ends_N])
        sums_N, counts_N = np.diff(totals[ends]), np.diff(ends)
        return _probability(self.intercept + self.step * sums_N / np.maximum(counts_N, 1))

    def save(self, folder: Path) -> None:
        """Writes weights.npy and model.json."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "weights.npy", self.weights_B)
        facts = {key: value for key, value in asdict(self).items() if key != "weights_B"}
        (folder / "model.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> QualityModel:
        """Reads what `save` wrote."""
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return cls(np.load(folder / "weights.npy"), **facts)


def train_quality_model(
    good: list[str], bad: list[str], *, inverse_regularization: float, min_score: float | None, lost_good: float
) -> tuple[QualityModel, Judged]:
    """Fits the weights to most of the texts, calibrates them by some others, and judges them by the rest.

    Args:
        good: texts to be told from
        bad: these; a text that is in both is left out.
        inverse_regularization: C of the logistic regression.
        min_score: the model's threshold; None: it follows from `lost_good`.
        lost_good: share of the good texts not fitted to that may lie below the threshold.

    Raises:
        ValueError: too few different texts.
    """
    in_both = set(good) & set(bad)
    texts, labels = [], []
    for name, given, label in (("good", good, 1), ("bad", bad, 0)):
        different = sorted(set(given) - in_both)  # in an order that does not depend on the files
        if len(different) < MIN_EXAMPLES:
            raise ValueError(
                f"{name}: {len(different)} different texts that are not {'bad' if label else 'good'} ones too; give at "
                f"least {MIN_EXAMPLES}, to fit the classifier and to judge it"
            )
        texts += different
        labels += [label] * len(different)
    label_N = np.array(labels)
    place_N = _places(texts, label_N)
    fitted, judging = place_N >= CALIBRATION, place_N < TEST

    rows = _mean_rows(texts)
    scale = 1.0 / np.sqrt(rows.multiply(rows).sum(axis=1).mean())  # makes rows of length 1, so that C means something
    regression = LogisticRegression(C=inverse_regularization, max_iter=500)
    regression.fit(rows[fitted] * scale, label_N[fitted])
    weights_B = regression.coef_[0] * scale
    step = float(np.abs(weights_B).max() / np.iinfo(np.int16).max) or 1.0
    model = QualityModel(np.round(weights_B / step).astype(np.int16), step, float(regression.intercept_[0]), 0.0)

    logits_N = _logit(model.scores(TextColumn(texts)))
    calibrating = ~fitted & ~judging
    platt = LogisticRegression(C=1.0).fit(logits_N[calibrating, None], label_N[calibrating])
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    score_N = _probability(slope * logits_N + shift)
    threshold = (
        float(np.quantile(score_N[~fitted & (label_N == 1)], lost_good, method="lower"))
        if min_score is None
        else min_score
    )
    judged = Judged(
        int(label_N.sum()),
        int((1 - label_N).sum()),
        float(roc_auc_score(label_N[judging], score_N[judging])),
        float(brier_score_loss(label_N[judging], score_N[judging])),
    )
    return QualityModel(model.weights_B, slope * step, slope * model.intercept + shift, threshold), judged


def _places(texts: list[str], label_N: NDArray[np.int_]) -> Floats:
    """(N,) the share of its class that is drawn lower than a text: so no part lacks a class, however a file was cut."""
    draw_N, place_N = np.array([draw(text) for text in texts]), np.empty(len(texts))
    for label in np.unique(label_N):
        rows = np.flatnonzero(label_N == label)
        place_N[rows[np.argsort(draw_N[rows])]] = np.arange(len(rows)) / len(rows)
    return place_N


def _probability(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logits))


def _logit(probabilities: Floats) -> Floats:
    return np.log(probabilities) - np.log1p(-probabilities)


def _mean_rows(texts: list[str]) -> csr_matrix:
    """(N, B) share of each bucket among a text's n-grams."""
    buckets, ends, before = [], [], 0
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        buckets_F, ends_N = ngram_buckets(TextColumn(texts[start : start + _ROWS_AT_ONCE]))
        buckets.append(buckets_F)
        ends.append(ends_N + before)
        before += len(buckets_F)
    edges = np.concatenate([[0], *ends])
    counts = np.diff(edges)
    shares = np.repeat(1.0 / np.maximum(counts, 1), counts)
    rows = csr_matrix((shares, np.concatenate(buckets), edges), shape=(len(texts), 1 << BUCKET_BITS))
    rows.sum_duplicates()
    return rows


def ngram_buckets(column: TextColumn) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(F,) the bucket of every n-gram, text after text, and (N,) where those of each text end."""
    words = column.words
    lengths = np.minimum(np.diff(column.offsets), HEAD_CHARACTERS * 4)
    most = int((LONGEST * lengths).sum()) + 2 * len(words.hashes)
    buckets, ends = np.empty(most, dtype=np.int32), np.zeros(len(column), dtype=np.int64)
    _ngrams(column.data, column.offsets, words.offsets, words.starts, words.hashes, buckets, ends)
    return buckets[: ends[-1] if len(ends) else 0], ends


@kernel
def _ngrams(
    data: Any, offsets: Any, word_offsets: Any, word_starts: Any, word_hashes: Any, buckets: Any, ends: Any
) -> None:
    shift = np.uint64(64 - BUCKET_BITS)
    last = np.zeros(LONGEST, dtype=np.int64)  # the characters before, the latest first
    found = 0
    for document in range(len(offsets) - 1):
        at, end = offsets[document], offsets[document + 1]
        seen = 0
        while at < end and seen < HEAD_CHARACTERS:
            for place in range(LONGEST - 1, 0, -1):
                last[place] = last[place - 1]
            last[0], width = code_point(data, at)
            at += width
            seen += 1
            value = hash_join(hash_start(), last[0])
            for size in range(2, min(seen, LONGEST) + 1):
                value = hash_join(value, last[size - 1])
                buckets[found] = hash_end(value) >> shift
                found += 1
        before = np.uint64(0)
        for word in range(word_offsets[document], word_offsets[document + 1]):
            if word_starts[word] >= at:
                break
            buckets[found] = word_hashes[word] >> shift
            found += 1
            if word > word_offsets[document]:
                buckets[found] = hash_end(before * np.uint64(3) + word_hashes[word]) >> shift
                found += 1
            before = word_hashes[word]
        ends[document] = found
