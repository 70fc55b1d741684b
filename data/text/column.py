"""The column of texts that rules work on."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.text.characters import Characters, count_characters
from data.text.lines import Lines, split_lines
from data.text.needles import count_occurrences
from data.text.words import Words, split_words

_SENTENCE_END = np.array([ord(character) for character in ".!?\"'”’。！？…｡．」』）"])
"""What a sentence ends with, closing quotation marks and the Chinese bracket around a sentence included."""


class TextColumn:
    """N texts: one run of UTF-8 bytes with offsets. It never changes; what is counted in it is counted once."""

    def __init__(self, texts: pa.StringArray | Sequence[str]) -> None:
        """Takes an Arrow column without nulls as it is, or copies strings into one."""
        self.array = texts if isinstance(texts, pa.StringArray) else pa.array(texts, type=pa.string())
        """The column as Arrow sees it; the same memory."""
        _, offsets, values = self.array.buffers()
        first, count = self.array.offset, len(self.array)
        self.data: NDArray[np.uint8] = np.frombuffer(values or b"", dtype=np.uint8)
        """The bytes of all texts (and of whatever else the Arrow buffer holds)."""
        self.offsets: NDArray[np.int64] = (
            np.frombuffer(offsets, dtype=np.int32)[first : first + count + 1].astype(np.int64)
            if offsets is not None and count
            else np.zeros(1, dtype=np.int64)
        )
        """(N + 1,) text i is `data[offsets[i]:offsets[i + 1]]`."""

    @classmethod
    def from_bytes(cls, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> "TextColumn":
        """Takes UTF-8 that a compiled loop wrote; text i is `data[offsets[i]:offsets[i + 1]]`.

        Raises:
            ValueError: 2 GiB or more in one column, which Arrow strings cannot hold.
        """
        if offsets[-1] >= 2**31:
            raise ValueError(f"{offsets[-1]:,} bytes in one batch of texts; give at most 2 GiB at once")
        buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
        return cls(pa.StringArray.from_buffers(len(offsets) - 1, buffers[1], buffers[2]))

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, row: int) -> str:
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self.array.to_pylist())

    def views(self) -> list[memoryview]:
        """The bytes of every text, without a copy."""
        data, offsets = self.data.data, self.offsets.tolist()
        return [data[start:end] for start, end in pairwise(offsets)]

    @cached_property
    def words(self) -> Words:
        """Words of all texts."""
        return split_words(self.data, self.offsets)

    @cached_property
    def lines(self) -> Lines:
        """Lines of all texts."""
        return split_lines(self.data, self.offsets)

    @cached_property
    def characters(self) -> Characters:
        """Characters of every text, counted by their classes."""
        return count_characters(self.data, self.offsets)

    def occurrences(self, string: str) -> NDArray[np.int64]:
        """(N,) how often each text holds the string, without overlaps."""
        return count_occurrences(self.data, self.offsets, string.encode())

    def lines_end_with(self, string: str) -> NDArray[np.bool_]:
        """(L,) whether a line, without the white space around it, ends with the string."""
        ending, lines = string.encode(), self.lines
        result: NDArray[np.bool_] = lines.text_ends - lines.text_starts >= len(ending)
        for place, byte in enumerate(reversed(ending), start=1):
            result[result] = self.data[lines.text_ends[result] - place] == byte
        return result

    @cached_property
    def ended_lines(self) -> NDArray[np.bool_]:
        """(L,) whether a line ends as a sentence does, in quotation marks or brackets or not; not with three dots."""
        return np.isin(self.lines.closing, _SENTENCE_END) & ~self.lines_end_with("...")

    @cached_property
    def line_array(self) -> pa.StringArray:
        """(L,) every line as Arrow sees it, each but the last of a text with its newline; the column's own memory."""
        starts = np.append(self.lines.starts, self.offsets[-1]).astype(np.int32)
        return pa.StringArray.from_buffers(len(starts) - 1, pa.py_buffer(starts), pa.py_buffer(self.data))

    @cached_property
    def words_in_lines(self) -> NDArray[np.int64]:
        """(L,) words of every line."""
        edges = np.searchsorted(self.words.starts, np.append(self.lines.starts, self.offsets[-1]))
        counts: NDArray[np.int64] = np.diff(edges)
        return counts

    def sums(self, values: NDArray[np.generic], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) sums over the parts of each text.

        Args:
            values: (W,) or (L,) numbers or truths about words or lines.
            offsets: `words.offsets` or `lines.offsets`.
        """
        totals = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return np.diff(totals[offsets])

    def replaced(self, rows: NDArray[np.int64], texts: Sequence[str]) -> "TextColumn":
        """The column with other texts in these rows."""
        if not len(rows):
            return self
        mask = np.zeros(len(self), dtype=bool)
        mask[rows] = True
        return TextColumn(pc.replace_with_mask(self.array, pa.array(mask), pa.array(texts, type=pa.string())))
