"""Words of a column: where they are, what they hash to, what they are made of.

Words are split at white space, and around every Han or kana character, each of which is a word of its own
(`data.language.split_words` says the same of one `str`). Punctuation stays with its neighbours.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.text.alphabet import DIGIT, LETTER, LIMIT, MARK, SPACE, UNSPACED_CHARACTER, alphabet
from data.text.kernel import code_point, hash_end, hash_join, hash_start, kernel

_HEAD = 1_000
"""Characters of a text that tell whether its language has spaces."""


class Words(NamedTuple):
    """W words of N documents."""

    offsets: NDArray[np.int64]
    """(N + 1,) the words of document i are `offsets[i]:offsets[i + 1]`."""
    starts: NDArray[np.int64]
    """(W,) first byte in the column's `data`."""
    ends: NDArray[np.int64]
    """(W,) byte behind the last."""
    hashes: NDArray[np.uint64]
    """(W,) equal for words that differ in nothing but case."""
    bare_hashes: NDArray[np.uint64]
    """(W,) the same without what stands before the first letter or digit and behind the last; 0 where there is none."""
    characters: NDArray[np.int32]
    """(W,) length."""
    classes: NDArray[np.uint8]
    """(W,) the classes (see `data.text.alphabet`) of all its characters together."""
    unspaced: NDArray[np.bool_]
    """(N,) whether more than half of the first 1,000 characters are Han or kana."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N,) words of each document."""
        return np.diff(self.offsets)

    def having(self, classes: int) -> NDArray[np.bool_]:
        """(W,) whether a word has a character of one of these classes."""
        having: NDArray[np.bool_] = (self.classes & classes) != 0
        return having

    def among(self, words: Iterable[str]) -> NDArray[np.bool_]:
        """(W,) whether a word is one of these, in any case and whatever punctuation stands around it."""
        wanted = np.unique(word_hashes(list(words)))
        places = np.minimum(np.searchsorted(wanted, self.bare_hashes), len(wanted) - 1)
        among: NDArray[np.bool_] = wanted[places] == self.bare_hashes
        return among


def split_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
    """Words of the texts `data[offsets[i]:offsets[i + 1]]`."""
    most = int(offsets[-1] - offsets[0]) // 2 + len(offsets)  # a word has at least a byte and the next blank, or three
    starts, ends = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    hashes, bare_hashes = np.empty(most, dtype=np.uint64), np.empty(most, dtype=np.uint64)
    characters, classes = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.uint8)
    word_offsets, unspaced = np.zeros(len(offsets), dtype=np.int64), np.zeros(len(offsets) - 1, dtype=np.bool_)
    parts = (starts, ends, hashes, bare_hashes, characters, classes)
    _split(data, offsets, *alphabet(), *parts, word_offsets, unspaced)
    count = int(word_offsets[-1])
    return Words(
        word_offsets,
        starts[:count],
        ends[:count],
        hashes[:count],
        bare_hashes[:count],
        characters[:count],
        classes[:count],
        unspaced,
    )


def word_hashes(words: list[str]) -> NDArray[np.uint64]:
    """(W,) hashes of single words, each without blanks, as `Words.hashes` has them."""
    parts = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    hashes = np.empty(len(words), dtype=np.uint64)
    _hash_whole(np.frombuffer(b"".join(parts), dtype=np.uint8), offsets, alphabet().folded, hashes)
    return hashes


@kernel
def _hash_whole(data: Any, offsets: Any, folded: Any, hashes: Any) -> None:
    for row in range(len(hashes)):
        at, end, value = offsets[row], offsets[row + 1], hash_start()
        while at < end:
            character, width = code_point(data, at)
            value = hash_join(value, folded[character] if character < LIMIT else character)
            at += width
        hashes[row] = hash_end(value)


@kernel
def _split(
    data: Any,
    offsets: Any,
    classes_of: Any,
    folded: Any,
    starts: Any,
    ends: Any,
    hashes: Any,
    bare_hashes: Any,
    characters: Any,
    classes: Any,
    word_offsets: Any,
    unspaced: Any,
) -> None:
    word = 0
    for document in range(len(offsets) - 1):
        at, end = offsets[document], offsets[document + 1]
        seen = unspaced_seen = 0  # characters of the document's head
        length = 0  # characters of the word that is open; 0 between words
        kinds = 0
        value = bare = bare_end = hash_start()
        bare_open = False
        while True:
            if at < end:
                character, width = code_point(data, at)
                kind = np.int64(classes_of[character]) if character < LIMIT else 0
                single = (kind & UNSPACED_CHARACTER) != 0
                if seen < _HEAD:
                    seen += 1
                    unspaced_seen += single
            else:
                character, width, kind, single = 0, 1, SPACE, False
            if length and (single or kind & SPACE):
                ends[word] = at
                hashes[word] = hash_end(value)
                bare_hashes[word] = hash_end(bare_end) if bare_open else np.uint64(0)
                characters[word] = length
                classes[word] = kinds
                word += 1
                length = 0
            if at >= end:
                break
            if not kind & SPACE:
                if length == 0:
                    starts[word] = at
                    value = bare = hash_start()
                    bare_open = False
                    kinds = 0
                low = folded[character] if character < LIMIT else character
                value = hash_join(value, low)
                if kind & (LETTER | DIGIT):
                    bare_open = True
                    bare = hash_join(bare, low)
                    bare_end = bare
                elif bare_open:
                    bare = hash_join(bare, low)
                    if kind & MARK:  # the vowel signs of Indic scripts end a word, too
                        bare_end = bare
                length += 1
                kinds = int(kinds | kind)
                if single:
                    ends[word] = at + width
                    hashes[word] = bare_hashes[word] = hash_end(value)
                    characters[word] = 1
                    classes[word] = kinds
                    word += 1
                    length = 0
            at += width
        word_offsets[document + 1] = word
        unspaced[document] = 2 * unspaced_seen > seen
