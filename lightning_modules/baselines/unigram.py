"""Baseline of language modelling: every token by its frequency alone, in the same tokens as the network.

Shapes: V vocabulary entries, D documents.
"""

import numpy as np
from numpy.typing import NDArray

from data.shards import Shards
from data.vocabulary import SPECIALS


def token_nll(train: Shards) -> NDArray[np.float64]:
    """Returns (V,): nats of each token under train frequencies with one added to every count.

    Only what a text can hold gets probability: pieces of text, and eos once a document; other specials cost infinity.
    """
    counts_V = np.bincount(train.tokens, minlength=train.vocab_size).astype(np.float64) + 1.0
    counts_V[: SPECIALS.count] = 0.0
    counts_V[SPECIALS.eos] = train.documents + 1.0
    with np.errstate(divide="ignore"):
        nll_V: NDArray[np.float64] = np.log(counts_V.sum()) - np.log(counts_V)
    return nll_V


def unigram_nll(train: Shards, test: Shards) -> NDArray[np.float64]:
    """Returns (D,): nats of each test document and its eos."""
    nll_V = token_nll(train)
    sums = np.concatenate([[0.0], np.cumsum(nll_V[test.tokens])])
    nll_D: NDArray[np.float64] = np.diff(sums[test.offsets]) + nll_V[SPECIALS.eos]
    return nll_D
