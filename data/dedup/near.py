"""Near duplicates: MinHash signatures of word n-grams, candidates by locality-sensitive hashing, then compared.

Source: Broder 1997, "On the resemblance and containment of documents"; bands and rows as in Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", section 3.4. Everything is a pure function of the texts: no random state.
Shapes: N documents, P = 128 permutations.
"""

from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from data.ngrams import ngram_hashes

PERMUTATIONS = 128
_MISSED = 0.01  # of the pairs exactly at the threshold, this many may not become candidates
_PAIRS_AT_ONCE = 65_536


def _constants(salt: str) -> NDArray[np.uint64]:
    return np.array([xxhash.xxh3_64_intdigest(f"{salt}{i}".encode()) for i in range(PERMUTATIONS)], dtype=np.uint64)


_FACTORS = _constants("factor") | np.uint64(1)
_SUMMANDS = _constants("summand")


def signatures(documents: Sequence[NDArray[np.uint64]], shingle_words: int) -> NDArray[np.uint32]:
    """MinHash signatures, (N, P); the share of equal places estimates the Jaccard similarity of the shingles.

    Each "permutation" is the upper half of a * h + b modulo 2^64 with a odd (multiply-shift).

    Args:
        documents: hashes of each document's words; where words are characters, shingles are of characters.
        shingle_words: words in a shingle; a shorter document is one shingle.
    """
    result = np.zeros((len(documents), PERMUTATIONS), dtype=np.uint32)
    filled = np.array([row for row, words in enumerate(documents) if len(words)], dtype=np.int64)
    if not len(filled):
        return result
    shingles = [ngram_hashes(documents[row], min(shingle_words, len(documents[row]))) for row in filled]
    starts = np.cumsum([0, *map(len, shingles[:-1])])
    column = np.concatenate(shingles)
    scratch = np.empty_like(column)
    for place in range(PERMUTATIONS):
        np.multiply(column, _FACTORS[place], out=scratch)
        np.add(scratch, _SUMMANDS[place], out=scratch)
        result[filled, place] = np.minimum.reduceat(scratch, starts) >> np.uint64(32)
    return result


def band_rows(threshold: float) -> int:
    """The most rows a band may have so that at most 1 % of the pairs at the threshold share no band: 6 for 0.8."""
    rows = 1
    while (1 - threshold ** (rows + 1)) ** (PERMUTATIONS // (rows + 1)) <= _MISSED:
        rows += 1
    return rows


def survivors(signatures_NP: NDArray[np.uint32], threshold: float) -> NDArray[np.int64]:
    """For each document the one that stands for its cluster: the first in the given order.

    A cluster is what is connected by pairs whose signatures agree in at least `threshold` of the places. Within a band
    that several documents share, each is compared with the first and with the one before it, not with all: texts that
    are alike share many bands, so little is missed, and a thousand copies cost a thousand comparisons, not a million.

    Args:
        signatures_NP: (N, P), the documents in order of preference.
        threshold: least share of equal places.

    Returns:
        (N,) row numbers; a document stays if its own number stands there.
    """
    parent = np.arange(len(signatures_NP))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for first, second in _similar_pairs(signatures_NP, threshold).tolist():
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return np.array([root(row) for row in range(len(parent))], dtype=np.int64)


def _similar_pairs(signatures_NP: NDArray[np.uint32], threshold: float) -> NDArray[np.int64]:
    """Rows (first, second) of the candidates that are alike indeed."""
    candidates = _candidate_pairs(signatures_NP, band_rows(threshold))
    alike = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(candidates), _PAIRS_AT_ONCE):
        pairs = candidates[start : start + _PAIRS_AT_ONCE]
        agreement = (signatures_NP[pairs[:, 0]] == signatures_NP[pairs[:, 1]]).mean(axis=1)
        alike.append(pairs[agreement >= threshold])
    return np.concatenate(alike)


def _candidate_pairs(signatures_NP: NDArray[np.uint32], rows: int) -> NDArray[np.int64]:
    """Rows (first, second) that agree in a whole band, each pair once."""
    count = len(signatures_NP)
    codes = [np.empty(0, dtype=np.int64)]
    for start in range(0, PERMUTATIONS - rows + 1, rows):
        keys = np.zeros(count, dtype=np.uint64)
        for place in range(start, start + rows):  # two bands that collide here are told apart by the comparison
            keys = keys * _FACTORS[place] + signatures_NP[:, place]
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1]) + 1
        if not len(same):
            continue
        opens = np.ones(count, dtype=bool)
        opens[same] = False
        leaders = order[np.maximum.accumulate(np.where(opens, np.arange(count), 0))]
        members = order[same]
        codes.append(leaders[same] * count + members)
        codes.append(order[same - 1] * count + members)
    first, second = np.divmod(np.unique(np.concatenate(codes)), max(count, 1))
    return np.stack([first, second], axis=1)
