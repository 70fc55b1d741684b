"""All finds in a batch: traces over its bytes, patterns around them, one span where finds overlap."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.pii.detector import Detector
from data.pii.trace import Trace, Windows, find_windows

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Find = tuple[int, int, int]
"""First byte in the batch, the byte after the last, and the detector's place in the order of preference."""

_NARROW: dict[int, str | int] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(range(0x2010, 0x2014), "-"),
    0xA0: " ",
    0x3000: " ",
}


@dataclass(frozen=True, order=True)
class Span:
    """One find; `text[start:end]` in characters."""

    start: int
    end: int
    type: str


def find_spans(texts: Sequence[str | None] | pa.Array, detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    """Returns index -> spans in their order, none of which overlap, for the texts that have any."""
    data, offsets = _bytes_of(texts)
    windows = find_windows(data, offsets)
    found = _find(data, offsets, windows, detectors)
    wide = np.unique(windows.texts[windows.traces == Trace.WIDE]).tolist()
    if wide:
        narrow = _bytes_of([narrowed(_decoded(data[offsets[index] : offsets[index + 1]])) for index in wide])
        in_narrow = _find(*narrow, find_windows(*narrow), detectors)
        found |= {index: in_narrow[place] for place, index in enumerate(wide) if place in in_narrow}
    return found


def narrowed(text: str) -> str:
    """The text with ASCII in place of full-width characters, of all hyphens and of blanks, one for one."""
    return text if text.isascii() else text.translate(_NARROW)


def _bytes_of(texts: Sequence[str | None] | pa.Array) -> tuple[Bytes, Places]:
    """The bytes of all texts, and (texts + 1,) where in them each begins; null is an empty text."""
    array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
    if not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = array.buffers()
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    within = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    return np.frombuffer(data or b"", np.uint8), within


def _find(data: Bytes, offsets: Places, windows: Windows, detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    finds = defaultdict[int, list[Find]](list)
    able = {trace: [(rank, d) for rank, d in enumerate(detectors) if trace in d.traces] for trace in Trace}
    for trace, index, start, end in zip(*(column.tolist() for column in windows), strict=True):
        if not able[trace]:
            continue
        while start < end and data[start] & 0xC0 == 0x80:  # within a character
            start += 1
        written = _decoded(data[start:end])
        text = narrowed(written)
        for rank, detector in able[trace]:
            for first, last in detector.find(text):
                before, within = written[:first].encode(), written[first:last].encode()
                finds[index].append((start + len(before), start + len(before) + len(within), rank))
    return {
        index: _spans(data[offsets[index] : offsets[index + 1]], int(offsets[index]), found, detectors)
        for index, found in sorted(finds.items())
    }


def _spans(data: Bytes, offset: int, finds: list[Find], detectors: Sequence[Detector]) -> list[Span]:
    """The finds of one text as spans in characters; `offset` is where the text begins in the batch."""
    characters = np.cumsum((data & 0xC0) != 0x80)
    return [
        Span(int(characters[start - offset]) - 1, int(characters[end - 1 - offset]), detectors[rank].name)
        for start, end, rank in _united(finds)
    ]


def _decoded(data: Bytes) -> str:
    """The text; half a character at its end is left out."""
    return data.tobytes().decode(errors="ignore")


def _united(finds: list[Find]) -> Iterator[Find]:
    """Makes one find of those that overlap, of the lowest rank among them."""
    start, end, rank = min(finds)
    for next_start, next_end, next_rank in sorted(finds):
        if next_start >= end:
            yield start, end, rank
            start, end, rank = next_start, next_end, next_rank
        else:
            end, rank = max(end, next_end), min(rank, next_rank)
    yield start, end, rank
