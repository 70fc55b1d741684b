"""Baseline of retrieval: BM25 over words, or over characters and pairs of them where there are no spaces.

Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond", with k1 = 1.2, b = 0.75
and a weight of rare words that is never below 0 (log of 1 + ...), as Lucene has it.
Shapes: C candidates, W words, Q queries.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from data.answers import ranking_text
from lightning_modules.baselines.base import Baseline
from lightning_modules.metrics.ranking import KEPT

_K1, _B = 1.2, 0.75


class Bm25(Baseline):
    """Candidates by the words that they share with the query; needs no training."""

    name: ClassVar[str] = "bm25"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns a ranking of the first 100 for each input; of equally good candidates the first listed."""
        ids, unspaced = list(self.candidates), self.description.unspaced
        words = CountVectorizer(
            analyzer="char" if unspaced else "word",
            ngram_range=(1, 2) if unspaced else (1, 1),
            token_pattern=None if unspaced else r"\w+",
        )
        counts_CW = words.fit_transform(self.candidates.values()).tocsr().astype(np.float64)
        lengths_C = np.asarray(counts_CW.sum(1)).ravel()
        holding_W = np.asarray((counts_CW > 0).sum(0)).ravel()
        rarity_W = np.log(1 + (len(ids) - holding_W + 0.5) / (holding_W + 0.5))
        saturation_C = _K1 * (1 - _B + _B * lengths_C / lengths_C.mean())
        places = counts_CW.tocoo()
        counts_CW.data = rarity_W[places.col] * places.data * (_K1 + 1) / (places.data + saturation_C[places.row])
        scores_QC = (words.transform(inputs) @ counts_CW.T).toarray()
        return [ranking_text([ids[place] for place in np.argsort(-own, kind="stable")[:KEPT]]) for own in scores_QC]
