"""Runs of words of evaluation examples, and where in a batch of documents they are.

Shapes: E examples, G different runs ("grams"), N documents, W words, H hits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.decontamination.config import DecontaminationConfig
from data.rolling import BASE, leaving, mixed
from data.text import TextColumn
from data.text.kernel import kernel

Ints = NDArray[np.int64]


class BareWords(NamedTuple):
    """Words of N documents without the punctuation around them; what is punctuation alone is no word."""

    hashes_W: NDArray[np.uint64]
    offsets: Ints
    """(N + 1,): document n has the words from offsets[n] to offsets[n + 1]."""
    starts_W: Ints
    """First byte in the document's UTF-8."""
    ends_W: Ints
    unspaced_N: NDArray[np.bool_]
    """Whether words are characters."""


def bare_words(texts: pa.StringArray | Sequence[str]) -> BareWords:
    """Splits texts."""
    column = TextColumn(texts)
    words = column.words
    bare = words.bare_hashes != 0
    offsets = np.concatenate([[0], np.cumsum(bare)])[words.offsets]
    first_bytes = np.repeat(column.offsets[:-1], words.counts)
    starts, ends = (words.starts - first_bytes)[bare], (words.ends - first_bytes)[bare]
    return BareWords(words.bare_hashes[bare], offsets, starts, ends, words.unspaced)


class Hits(NamedTuple):
    """Where grams are."""

    documents_H: Ints
    grams_H: Ints
    starts_H: Ints
    """First byte in the document."""
    ends_H: Ints


@dataclass(frozen=True)
class Index:
    """The grams of one or more evaluation sets."""

    lengths: Ints
    """Numbers of words that a gram may have, ascending."""
    keys_G: NDArray[np.uint64]
    """Hashes of the grams, ascending."""
    examples: Ints
    """Examples by gram, those of gram g from starts[g] to starts[g + 1]."""
    starts: Ints
    needs_answer_E: NDArray[np.bool_]
    """The example is so short that it counts only where its answer is, too."""
    grams_E: Ints
    """Different grams of each example; 0: it is too short to be found."""
    _table: NDArray[np.int32]
    _filter: NDArray[np.bool_]

    @classmethod
    def build(cls, inputs: Sequence[str], answers: Sequence[str | None], config: DecontaminationConfig) -> "Index":
        """Takes the grams of all inputs."""
        words, answer_words = bare_words(inputs), bare_words([answer or "" for answer in answers])
        counts_E, answers_E = np.diff(words.offsets), np.diff(answer_words.offsets)
        scale_E = np.where(words.unspaced_N, 2, 1)
        long_E, short_E = config.words * scale_E, config.short_words * scale_E
        needs_answer_E = (counts_E < short_E) & (answers_E > 0) & (counts_E > 0) & (counts_E + answers_E >= short_E)
        lengths_E = np.select(
            [counts_E >= long_E, counts_E >= short_E, needs_answer_E], [long_E, short_E, counts_E], default=0
        )
        keys, owners = _grams(words.hashes_W, words.offsets, lengths_E)
        pairs = np.unique(np.stack([keys, owners.astype(np.uint64)], axis=1), axis=0)
        keys_G, starts = np.unique(pairs[:, 0], return_index=True)
        slots = 1 << (4 * len(keys_G) + 1).bit_length()
        table, seen = np.full(slots, -1, dtype=np.int32), np.zeros(8 * slots, dtype=np.bool_)
        _fill(keys_G, table, seen)
        examples = pairs[:, 1].astype(np.int64)
        return cls(
            np.unique(lengths_E[lengths_E > 0]),
            keys_G,
            examples,
            np.append(starts, len(pairs)),
            needs_answer_E,
            np.bincount(examples, minlength=len(inputs)),
            table,
            seen,
        )

    def examples_of(self, grams: Ints) -> tuple[Ints, Ints]:
        """Returns, for each pair of one of these grams and an example that has it, the gram's place and the example."""
        counts = self.starts[grams + 1] - self.starts[grams]
        places = np.repeat(np.arange(len(grams)), counts)
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return places, self.examples[self.starts[grams][places] + within]

    def find(self, texts: pa.StringArray) -> Hits:
        """Finds all grams in documents, in the order of the documents."""
        words = bare_words(texts)
        documents, grams, firsts, lasts = _find(
            words.hashes_W, words.offsets, self.lengths, self.keys_G, self._table, self._filter
        )
        order = np.argsort(documents, kind="stable")
        return Hits(documents[order], grams[order], words.starts_W[firsts[order]], words.ends_W[lasts[order]])


@kernel
def _grams(hashes_W: NDArray[np.uint64], offsets: Ints, lengths_N: Ints) -> tuple[NDArray[np.uint64], Ints]:
    """Returns the runs of `lengths_N` words in each document, and the document of each."""
    keys, owners = np.empty(len(hashes_W), dtype=np.uint64), np.empty(len(hashes_W), dtype=np.int64)
    found = 0
    for document in range(len(lengths_N)):
        length, start, end = lengths_N[document], offsets[document], offsets[document + 1]
        if length == 0:
            continue
        factor, run = leaving(length), np.uint64(0)
        for place in range(start, end):
            run = run * BASE + hashes_W[place]
            if place - start >= length:
                run -= hashes_W[place - length] * factor
            if place - start >= length - 1:
                keys[found], owners[found] = mixed(run), document
                found += 1
    return keys[:found], owners[:found]


@kernel
def _fill(keys_G: NDArray[np.uint64], table: NDArray[np.int32], seen: NDArray[np.bool_]) -> None:
    """Hashes the grams with open addressing; `seen` answers for most other runs that they are no gram."""
    mask, wide = np.uint64(len(table) - 1), np.uint64(len(seen) - 1)
    for gram in range(len(keys_G)):
        seen[np.int64(keys_G[gram] & wide)] = True
        slot = keys_G[gram] & mask
        while table[np.int64(slot)] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[np.int64(slot)] = gram


@kernel
def _find(
    hashes_W: NDArray[np.uint64],
    offsets: Ints,
    lengths: Ints,
    keys_G: NDArray[np.uint64],
    table: NDArray[np.int32],
    seen: NDArray[np.bool_],
) -> tuple[Ints, Ints, Ints, Ints]:
    """Returns document, gram, first and last word of each hit."""
    mask, wide = np.uint64(len(table) - 1), np.uint64(len(seen) - 1)
    hits, found = np.empty((4, 1024), dtype=np.int64), 0
    for length in lengths:
        factor = leaving(length)
        for document in range(len(offsets) - 1):
            run = np.uint64(0)
            for place in range(offsets[document], offsets[document + 1]):
                run = run * BASE + hashes_W[place]
                if place - offsets[document] >= length:
                    run -= hashes_W[place - length] * factor
                key = mixed(run)
                if place - offsets[document] < length - 1 or not seen[np.int64(key & wide)]:
                    continue
                slot = key & mask
                while table[np.int64(slot)] >= 0 and keys_G[table[np.int64(slot)]] != key:
                    slot = (slot + np.uint64(1)) & mask
                if table[np.int64(slot)] >= 0:
                    if found == hits.shape[1]:
                        hits = np.concatenate((hits, np.empty_like(hits)), axis=1)
                    hits[0, found], hits[1, found] = document, table[np.int64(slot)]
                    hits[2, found], hits[3, found] = place - length + 1, place
                    found += 1
    return hits[0, :found], hits[1, :found], hits[2, :found], hits[3, :found]
