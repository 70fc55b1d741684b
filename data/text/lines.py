"""Lines of a column: where they are, without their margins too, how they open and close."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.text.alphabet import LIMIT, SPACE, alphabet
from data.text.kernel import code_point, hash_end, hash_join, hash_start, kernel

_NEWLINE = ord("\n")


class Lines(NamedTuple):
    """L lines of N documents, empty ones included; every document has at least one."""

    offsets: NDArray[np.int64]
    """(N + 1,) the lines of document i are `offsets[i]:offsets[i + 1]`."""
    starts: NDArray[np.int64]
    """(L,) first byte in the column's `data`."""
    ends: NDArray[np.int64]
    """(L,) byte behind the last; a newline or the end of the text."""
    text_starts: NDArray[np.int64]
    """(L,) first byte that is not white space; equal to `text_ends` where there is none."""
    text_ends: NDArray[np.int64]
    """(L,) byte behind the last that is not white space."""
    hashes: NDArray[np.uint64]
    """(L,) equal for lines that differ in nothing but white space around them."""
    characters: NDArray[np.int32]
    """(L,) length with the white space around it."""
    opening: NDArray[np.int32]
    """(L,) code point of the first character that is not white space; -1 where there is none."""
    closing: NDArray[np.int32]
    """(L,) code point of the last one."""

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(L,) whether a line holds anything but white space."""
        return self.text_ends > self.text_starts

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N,) lines of each document."""
        return np.diff(self.offsets)


def split_lines(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Lines:
    """Lines of the texts `data[offsets[i]:offsets[i + 1]]`, split at newlines alone."""
    text = data[offsets[0] : offsets[-1]]
    most = int(np.count_nonzero(text == _NEWLINE)) + len(offsets) - 1
    starts, ends, text_starts, text_ends = (np.empty(most, dtype=np.int64) for _ in range(4))
    hashes = np.empty(most, dtype=np.uint64)
    characters, opening, closing = (np.empty(most, dtype=np.int32) for _ in range(3))
    line_offsets = np.zeros(len(offsets), dtype=np.int64)
    parts = (starts, ends, text_starts, text_ends, hashes, characters, opening, closing)
    _split(data, offsets, alphabet().classes, *parts, line_offsets)
    return Lines(line_offsets, *parts)


@kernel
def _split(
    data: Any,
    offsets: Any,
    classes_of: Any,
    starts: Any,
    ends: Any,
    text_starts: Any,
    text_ends: Any,
    hashes: Any,
    characters: Any,
    opening: Any,
    closing: Any,
    line_offsets: Any,
) -> None:
    line = 0
    for document in range(len(offsets) - 1):
        at, end = offsets[document], offsets[document + 1]
        while True:
            starts[line] = at
            first = last = at
            length = 0
            open_with = close_with = -1
            while at < end and data[at] != _NEWLINE:
                character, width = code_point(data, at)
                if character >= LIMIT or not classes_of[character] & SPACE:
                    if open_with < 0:
                        open_with, first = character, at
                    close_with, last = character, at + width
                length += 1
                at += width
            ends[line], text_starts[line], text_ends[line] = at, first, max(first, last)
            characters[line], opening[line], closing[line] = length, open_with, close_with
            value = hash_start()
            for place in range(first, last):
                value = hash_join(value, data[place])
            hashes[line] = hash_end(value)
            line += 1
            if at >= end:
                break
            at += 1
        line_offsets[document + 1] = line


def join_lines(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], lines: Lines, keep: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts of the lines kept, without white space around them; a text that keeps all its lines stays as it is.

    Args:
        data: the column's bytes.
        offsets: (N + 1,) its texts.
        lines: its lines.
        keep: (L,).

    Returns:
        Bytes and (N + 1,) offsets of the new texts.
    """
    output = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    new_offsets = np.zeros(len(offsets), dtype=np.int64)
    _join(data, offsets, *lines[:5], keep, output, new_offsets)
    return output[: new_offsets[-1]], new_offsets


@kernel
def _join(
    data: Any,
    offsets: Any,
    line_offsets: Any,
    starts: Any,
    ends: Any,
    text_starts: Any,
    text_ends: Any,
    keep: Any,
    output: Any,
    new_offsets: Any,
) -> None:
    size = 0
    for document in range(len(offsets) - 1):
        first, last = line_offsets[document], line_offsets[document + 1]
        if keep[first:last].all():
            for place in range(offsets[document], offsets[document + 1]):
                output[size] = data[place]
                size += 1
        else:
            while first < last and not (keep[first] and text_ends[first] > text_starts[first]):
                first += 1
            while last > first and not (keep[last - 1] and text_ends[last - 1] > text_starts[last - 1]):
                last -= 1
            begun = False
            for line in range(first, last):
                if keep[line]:
                    if begun:
                        output[size] = _NEWLINE
                        size += 1
                    start = starts[line] if begun else text_starts[line]
                    end = text_ends[line] if line == last - 1 else ends[line]
                    for place in range(start, end):
                        output[size] = data[place]
                        size += 1
                    begun = True
        new_offsets[document + 1] = size
