"""sentencepiece's encoding many times faster: the same ids, from compiled code that cuts texts where no piece can lie.

Two neighbouring characters that stand side by side in no piece are a *cut*: no encoding has a piece across it, so what
lies between two cuts, a *segment* (mostly a word with the space before it; in Chinese a few characters), can be encoded
by itself and is looked up among the segments met before. For bpe that is all: merges on both sides of a cut never see
each other. Unigram adds log-probabilities in 32 bits along the whole text, so that how two almost equally probable ways
to write a segment are rounded depends on all that stands before it. Each segment therefore remembers up to which sum
its encoding is certain, and beyond that it is computed again, from the very sum that sentencepiece has there.
(sentencepiece 0.2.3; the tests compare the ids with those of the version that is installed.)

Shapes: N texts, V pieces, C classes of characters: 1 and up for those in pieces and fixed strings, 0 for all others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.tokenizer import lookup, paths, segments
from data.tokenizer.model import Texts
from data.vocabulary import ids_dtype

_UNKNOWN_PENALTY = np.float32(10.0)
"""A character without a piece is so much less probable than the rarest piece (kUnkPenalty of sentencepiece)."""
_CODE_POINTS = 0x110000


class Encoder:
    """Text to arrays of ids. Its memory is bounded: tables of the vocabulary, and `segments.CACHE_BYTES` a thread."""

    def __init__(
        self,
        pieces: Mapping[str, int],
        scores_V: NDArray[np.float32],
        fixed: Mapping[str, Sequence[int]],
        *,
        first_byte: int,
        merges: bool,
    ) -> None:
        """Lays the vocabulary out.

        Args:
            pieces: text of each learned piece -> its id.
            scores_V: log-probabilities (unigram), or minus the place in the merges (bpe).
            fixed: strings that always have the same ids, wherever they stand; the longest that fits is taken.
            first_byte: id of the byte 0; the other bytes follow.
            merges: bpe, not unigram.
        """
        self._dtype = ids_dtype(len(scores_V))
        alphabet = sorted({character for text in (*pieces, *fixed) for character in text})
        classes = {character: number for number, character in enumerate(alphabet, start=1)}
        class_of = np.zeros(_CODE_POINTS, dtype=np.int32)
        class_of[[ord(character) for character in alphabet]] = list(classes.values())
        starts_fixed = np.zeros(len(alphabet) + 1, dtype=np.bool_)
        starts_fixed[[classes[text[0]] for text in fixed]] = True

        learned = scores_V[list(pieces.values())]
        unknown = np.float32(learned.min() - _UNKNOWN_PENALTY)
        costs = np.zeros(len(scores_V), dtype=np.float32)
        if not merges:
            costs[list(pieces.values())] = learned
            leads = [byte for byte in range(256) if byte < 0x80 or byte >= 0xC0]
            costs[first_byte + np.array(leads)] = unknown  # of the whole character, whatever bytes follow
        character_ids = np.arange(len(alphabet) + 1, dtype=np.int32) + len(scores_V)
        for character, number in classes.items():
            character_ids[number] = pieces.get(character, character_ids[number])
        fixed_ids = list(fixed.values())
        self._tables = paths.Tables(
            class_of=class_of,
            starts_fixed=starts_fixed,
            joins=_joins({(classes[first], classes[second]) for text in pieces for first, second in pairwise(text)}),
            trie=_trie(pieces, classes),
            fixed_trie=_trie({text: number for number, text in enumerate(fixed)}, classes),
            fixed_ids=np.array([index for ids in fixed_ids for index in ids], dtype=np.int32),
            fixed_offsets=np.cumsum([0, *map(len, fixed_ids)]),
            costs=costs,
            unknown=unknown,
            bound=np.float32(0.0 if merges else max(abs(unknown), abs(learned).max())),
            first_byte=first_byte,
            merges=merges,
            character_ids=character_ids,
            pairs=_pairs(pieces, classes, character_ids) if merges else lookup.new_map(0),
            ranks=np.unique(-scores_V, return_inverse=True)[1].astype(np.int64),
        )
        self._caches: deque[segments.Cache] = deque()

    def encode(self, texts: Texts, threads: int) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """Returns the ids of all texts, and offsets (N + 1,) of each; see `Tokenizer.encode_arrays`."""
        array = pa.array(texts, pa.large_string()) if isinstance(texts, Sequence) else texts.cast(pa.large_string())
        _, offsets_buffer, data_buffer = array.buffers()
        offsets = np.frombuffer(offsets_buffer or b"\0" * 8, dtype=np.int64)[array.offset :][: len(array) + 1]
        data = np.frombuffer(data_buffer or b"", dtype=np.uint8)
        shares = np.linspace(offsets[0], offsets[-1], threads + 1)
        places = np.unique([0, *np.searchsorted(offsets, shares[1:-1]), len(array)])
        parts = [offsets[first : last + 1] for first, last in pairwise(places)]
        if len(parts) == 1:
            encoded = [self._encode_part(data, parts[0])]
        else:
            with ThreadPoolExecutor(threads) as pool:
                encoded = list(pool.map(lambda part: self._encode_part(data, part), parts))
        counts = [counts for _, counts in encoded]
        ends = np.zeros(len(array) + 1, dtype=np.int64)
        np.cumsum(np.concatenate(counts or [ends[:0]]), out=ends[1:])
        return np.concatenate([ids for ids, _ in encoded] or [np.empty(0, self._dtype)]), ends

    def _encode_part(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """Returns the ids of some texts one after another, and how many each has."""
        try:
            cache = self._caches.pop()
        except IndexError:  # as many as there were threads at once
            cache = segments.new_cache()
        ids = np.empty(int(offsets[-1] - offsets[0]), self._dtype)  # a byte gives one at most
        counts = segments.encode(self._tables, cache, data, offsets, ids)
        self._caches.append(cache)
        return ids[: int(counts.sum())], counts


def _joins(pairs: Iterable[tuple[int, int]]) -> NDArray[np.uint64]:
    """Returns the bits of pairs of classes, and by chance those of a few others."""
    left, right = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T.copy()
    joins = np.zeros(lookup.join_words(len(left)), dtype=np.uint64)
    lookup.join(joins, left, right)
    return joins


def _trie(words: Mapping[str, int], classes: Mapping[str, int]) -> NDArray[np.int64]:
    """Returns a map from (node, class) to the next node and the value of the word that ends there; 0 is the root."""
    offsets = np.cumsum([0, *map(len, words)])
    letters = np.array([classes[character] for word in words for character in word], dtype=np.int64)
    trie = lookup.new_map(len({word[:end] for word in words for end in range(1, len(word) + 1)}))
    lookup.grow_trie(trie, letters, offsets, np.array(list(words.values()), dtype=np.int64))
    return trie


def _pairs(
    pieces: Mapping[str, int], classes: Mapping[str, int], character_ids: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Returns a map from the ids of two neighbours to that of the piece they make, for every cut of every piece."""
    ids = {character: int(character_ids[number]) for character, number in classes.items()} | dict(pieces)
    made = [
        (ids[text[:cut]], ids[text[cut:]], index)
        for text, index in pieces.items()
        for cut in range(1, len(text))
        if text[:cut] in ids and text[cut:] in ids
    ]
    left, right, whole = np.array(made, dtype=np.int64).reshape(-1, 3).T.copy()
    pairs = lookup.new_map(len(made))
    lookup.fill_map(pairs, lookup.pair_keys(left, right), whole)
    return pairs
