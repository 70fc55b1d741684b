"""All finds in a batch of texts: traces over the bytes of the batch, patterns around them, one span where finds overlap."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.pii.detector import Detector
from data.pii.trace import WORD_BYTES, Bytes, Trace, wide_characters

Stretch = tuple[int, int]


@dataclass(frozen=True, order=True)
class Span:
    """One find; `text[start:end]` in characters."""

    start: int
    end: int
    type: str


class Batch:
    """N texts in one run of UTF-8; `offsets` (N + 1,) in bytes."""

    def __init__(self, texts: Sequence[str] | pa.StringArray | pa.LargeStringArray) -> None:
        array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
        _, offsets, data = array.buffers()
        kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
        within = np.zeros(1, np.int64)
        if len(array):
            within = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        self.offsets: NDArray[np.int64] = within - within[0]
        content = data.slice(within[0], self.offsets[-1]).to_pybytes() if data is not None else b""
        self.data: Bytes = np.frombuffer(content + bytes(WORD_BYTES), np.uint8)

    def text(self, index: int) -> str:
        """One of the texts; '' for null."""
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes().decode()

    def texts_of(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the texts that these bytes belong to."""
        return np.searchsorted(self.offsets, starts, side="right") - 1


def find_spans(texts: Sequence[str] | pa.Array, detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    """Returns index -> spans in their order, none of which overlap, for the texts that have any."""
    batch = Batch(texts)
    found = _find(batch, detectors)
    wide = np.unique(batch.texts_of(wide_characters(batch.data))).tolist()
    if wide:
        of_wide = _find(Batch([narrowed(batch.text(index)) for index in wide]), detectors)
        found = {index: spans for index, spans in found.items() if index not in wide}
        found |= {wide[place]: spans for place, spans in of_wide.items()}
    return found


def narrowed(text: str) -> str:
    """The text with ASCII in place of full-width characters, of all hyphens and of blanks, one for one."""
    if text.isascii():
        return text
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    narrow = np.where(codes - 0xFF01 <= 0x5D, codes - 0xFEE0, codes)  # unsigned: what is below wraps around
    narrow[(codes >= 0x2010) & (codes <= 0x2015)] = ord("-")
    narrow[(codes == 0xA0) | (codes == 0x3000)] = ord(" ")
    return narrow.tobytes().decode("utf-32-le")


def _find(batch: Batch, detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for index, by_trace in _stretches(batch, detectors).items():
        text = narrowed(batch.text(index))
        in_text = _in_characters(batch, index, by_trace) if by_trace and not text.isascii() else by_trace
        spans = [
            (start, end, rank)
            for rank, detector in enumerate(detectors)
            for start, end in detector.find(text, sorted(s for trace in detector.traces for s in in_text[trace]))
        ]
        if spans:
            found[index] = [Span(start, end, detectors[rank].name) for start, end, rank in _united(spans)]
    return found


def _stretches(batch: Batch, detectors: Sequence[Detector]) -> dict[int, dict[Trace, list[Stretch]]]:
    """Returns index of a text -> trace -> first byte in the text and the one after the last."""
    found = defaultdict[int, dict[Trace, list[Stretch]]](lambda: defaultdict(list))
    offsets = batch.offsets.tolist()
    for trace in Trace:
        if not any(trace in detector.traces for detector in detectors):
            continue
        at = trace.stretches(batch.data)
        first_S, last_S = batch.texts_of(at.starts_S), batch.texts_of(at.ends_S - 1)
        columns = (at.starts_S.tolist(), at.ends_S.tolist(), first_S.tolist(), last_S.tolist())
        for start, end, first, last in zip(*columns, strict=True):
            for index in range(first, last + 1):  # one may run over the border of two texts
                low, high = offsets[index], offsets[index + 1]
                if low < high:
                    found[index][trace].append((max(start, low) - low, min(end, high) - low))
    return found


def _in_characters(batch: Batch, index: int, by_trace: dict[Trace, list[Stretch]]) -> dict[Trace, list[Stretch]]:
    """The same stretches with characters counted in place of bytes."""
    data = batch.data[batch.offsets[index] : batch.offsets[index + 1]]
    character = np.cumsum((data & 0xC0) != 0x80) - 1
    counted = defaultdict[Trace, list[Stretch]](list)
    for trace, stretches in by_trace.items():
        starts, ends = np.array(stretches).T
        counted[trace] = list(zip(character[starts].tolist(), (character[ends - 1] + 1).tolist(), strict=True))
    return counted


def _united(spans: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Makes one span of those that overlap, of the lowest rank among them."""
    start, end, rank = 0, 0, -1
    for next_start, next_end, next_rank in sorted(spans):
        if rank >= 0 and next_start >= end:
            yield start, end, rank
            rank = -1
        if rank < 0:
            start, end, rank = next_start, next_end, next_rank
        else:
            end, rank = max(end, next_end), min(rank, next_rank)
    if rank >= 0:
        yield start, end, rank
