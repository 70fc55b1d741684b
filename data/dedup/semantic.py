"""Semantic duplicates: texts about the same in other words, by the cosine of their embeddings within a cluster.

Source: Abbas et al. 2023, "SemDeDup", arXiv:2303.09540, algorithm 1, with the most preferred document kept in place of
the one farthest from the centroid. The embeddings need no model: log-weighted counts of hashed words times inverse
document frequency, projected at random onto a few hundred dimensions, which keeps cosines within about
1 / sqrt(dimensions) (Johnson and Lindenstrauss). Shapes: N documents, D dimensions.
"""

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.language import is_unspaced, split_words

_FEATURES = 2**18
_AT_ONCE = 2_048
_FITTED = 65_536
"""At most so many documents, evenly spaced, draw the clusters."""


class SemanticConfig(Config):
    """Settings of the removal of semantic duplicates."""

    threshold: float = Field(0.9, gt=0.0, le=1.0)
    """Cosine from which a document goes that comes after another one."""
    dimensions: int = Field(256, ge=16)
    """Of an embedding; 4 bytes each on disk for each document."""
    cluster_documents: int = Field(1_000, ge=1)
    """Documents of a cluster, on average; only within one are documents compared."""


def semantic_duplicates(
    texts: Callable[[], Iterator[str]], ranks_N: NDArray[np.int64], config: SemanticConfig, scratch: Path, memory: int
) -> NDArray[np.bool_]:
    """Returns (N,): whether a document is too much like a preferred one of its cluster.

    Args:
        texts: reads all documents, in any order; it is called twice.
        ranks_N: of the documents in that order; 0 is preferred to all.
        config: what is alike.
        scratch: file for the embeddings.
        memory: bytes for the comparisons within a cluster.
    """
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    duplicate_N = np.zeros(len(ranks_N), dtype=np.bool_)
    if len(ranks_N) < 2:
        return duplicate_N
    with threadpool_limits(1):  # sums in one order, whatever the machine is doing
        embeddings_ND = _embed(texts, config.dimensions, scratch)
        clusters = max(1, len(ranks_N) // config.cluster_documents)
        by_rank = np.argsort(ranks_N)
        means = MiniBatchKMeans(clusters, n_init=1, batch_size=4_096, random_state=0)
        means.fit(embeddings_ND[by_rank[:: -(-len(by_rank) // _FITTED)]])
        blocks = range(0, len(ranks_N), _AT_ONCE)
        labels_N = np.concatenate([means.predict(embeddings_ND[start : start + _AT_ONCE]) for start in blocks])
        order = by_rank[np.argsort(labels_N[by_rank], kind="stable")]
        ends = np.bincount(labels_N, minlength=clusters).cumsum()
        for start, end in pairwise([0, *ends.tolist()]):
            members = order[start:end]
            duplicate_N[members] = _after_one_alike(embeddings_ND[members], config.threshold, memory)
    return duplicate_N


def _after_one_alike(embeddings_ND: NDArray[np.float32], threshold: float, memory: int) -> NDArray[np.bool_]:
    """Returns (N,): whether the cosine with one before it reaches the threshold."""
    found = np.zeros(len(embeddings_ND), dtype=np.bool_)
    at_once = max(1, memory // (8 * max(1, len(embeddings_ND))))
    for start in range(0, len(embeddings_ND), at_once):
        end = min(start + at_once, len(embeddings_ND))
        cosines = embeddings_ND[start:end] @ embeddings_ND[:end].T
        found[start:end] = (np.tril(cosines, start - 1) >= threshold).any(axis=1)
    return found


def _embed(texts: Callable[[], Iterator[str]], dimensions: int, scratch: Path) -> NDArray[np.float32]:
    """Returns embeddings of length 1, mapped from the file `scratch`; that of a text without words is 0."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.preprocessing import normalize
    from sklearn.random_projection import SparseRandomProjection

    counted = HashingVectorizer(
        n_features=_FEATURES, analyzer=_terms, norm=None, alternate_sign=False, dtype=np.float32
    )
    documents, frequencies = 0, np.zeros(_FEATURES, dtype=np.int64)
    for block in _blocks(texts()):
        counts = counted.transform(block)
        documents += counts.shape[0]
        frequencies += counts.getnnz(axis=0)
    rarity = (np.log((1 + documents) / (1 + frequencies)) + 1).astype(np.float32)
    projection = SparseRandomProjection(dimensions, dense_output=True, random_state=0)
    projection.fit(counted.transform([""]))
    scratch.parent.mkdir(parents=True, exist_ok=True)
    with scratch.open("wb") as file:
        for block in _blocks(texts()):
            weights = counted.transform(block)
            weights.data = (1 + np.log(weights.data)) * rarity[weights.indices]
            normalize(projection.transform(weights)).astype(np.float32).tofile(file)
    return np.memmap(scratch, dtype=np.float32, mode="r").reshape(documents, dimensions)


def _blocks(texts: Iterator[str]) -> Iterator[list[str]]:
    while block := list(islice(texts, _AT_ONCE)):
        yield block


def _terms(text: str) -> list[str]:
    """Returns the words; where these are characters the pairs of neighbours too, for a Chinese word has about two."""
    words = split_words(text.lower())
    return [*words, *map("".join, pairwise(words))] if is_unspaced(text) else words
