"""Repeated substrings: what a document has in common with a preferred one, wherever it begins and ends, is cut.

Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", arXiv:2107.06499, section 4.1. They
sort all suffixes; here positions are chosen by winnowing (Schleimer, Wilkerson and Aiken 2003, "Winnowing", section 3),
which needs a quarter of the text on disk and no more memory than it is given. Every substring of at least `min_bytes`
that two documents share contains a chosen position in both; there the texts themselves are compared, to both sides. As
with near duplicates each occurrence is compared with the first and with the one before it, not with all.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.dedup.cuts import Cuts
from data.dedup.spill import Rows, Spill
from data.rolling import BASE, leaving, mixed
from data.text.kernel import kernel

Bytes = NDArray[np.uint8]


class SubstringsConfig(Config):
    """Settings of the removal of repeated substrings."""

    min_bytes: int = Field(400, ge=64)
    """Shorter ones may repeat. A Chinese character has 3 bytes."""


def cut_repeated_substrings(
    texts: Iterable[tuple[int, int | None, str]], config: SubstringsConfig, cuts: Cuts, scratch: Path, memory_bytes: int
) -> None:
    """Adds what repeats to `cuts`.

    Args:
        texts: (rank, row, text) of each document in any order; what it shares with one of a lower rank is cut. None as
            row: the document stands as it is.
        config: how long a substring must be.
        cuts: gets ranges of rows.
        scratch: folder for the texts, and for what does not fit into `memory_bytes`.
    """
    gram = config.min_bytes // 2
    scratch.mkdir(parents=True, exist_ok=True)
    spill = Spill(scratch / "grams", columns=3, memory_bytes=memory_bytes)
    numbers_N4: list[tuple[int, int, int, int]] = []
    end = 0
    with (scratch / "texts").open("wb") as file:
        for rank, row, text in texts:
            content = text.encode()
            file.write(content)
            numbers_N4.append((rank, -1 if row is None else row, end, end + len(content)))
            end += len(content)
            places, keys = _winnow(np.frombuffer(content, dtype=np.uint8), gram, config.min_bytes - gram + 1)
            ranks = np.full(len(places), rank, dtype=np.uint64)
            spill.add(np.stack([keys, ranks, places.astype(np.uint64)], axis=1))
    if end:
        laid_out = _LaidOut(scratch / "texts", np.array(numbers_N4, dtype=np.int64))
        for rows in spill.repeated():
            _compare(rows, laid_out, config.min_bytes, cuts)
    shutil.rmtree(scratch)


class _LaidOut:
    """Texts on disk, found by rank."""

    def __init__(self, path: Path, numbers_N4: NDArray[np.int64]) -> None:
        """Takes rank, row (or -1), start and end of each."""
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
        self._numbers_N4 = numbers_N4[np.argsort(numbers_N4[:, 0])]

    def find(self, rank: int) -> tuple[int, Bytes]:
        """Returns row and UTF-8."""
        _, row, start, end = self._numbers_N4[np.searchsorted(self._numbers_N4[:, 0], rank)].tolist()
        return row, self._bytes[start:end]


def _compare(rows: Rows, texts: _LaidOut, min_bytes: int, cuts: Cuts) -> None:
    """Compares occurrences (key, rank, place), sorted."""
    first = 0
    for index in range(1, len(rows)):
        if rows[index, 0] != rows[first, 0]:
            first = index
            continue
        rank, place = int(rows[index, 1]), int(rows[index, 2])
        row, text = texts.find(rank)
        for other in {first, index - 1} if row >= 0 else ():
            other_rank, other_place = int(rows[other, 1]), int(rows[other, 2])
            if other_rank < rank:
                start, end = _common(texts.find(other_rank)[1], text, other_place, place)
                if end - start >= min_bytes:
                    cuts.add([row], [_whole_characters(text, start, end)])


def _whole_characters(text: Bytes, start: int, end: int) -> tuple[int, int]:
    """Returns the range without the bytes of characters that are not in it as a whole."""
    while start < end and text[start] & 0xC0 == 0x80:
        start += 1
    while start < end < len(text) and text[end] & 0xC0 == 0x80:
        end -= 1
    return start, end


@kernel
def _winnow(text: Bytes, gram: int, window: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Returns places and keys: of every `window` grams in a row the least, the last of equal ones, each once."""
    grams = max(0, len(text) - gram + 1)
    keys = np.empty(grams, dtype=np.uint64)
    places = np.empty(grams, dtype=np.int64)
    factor, run, found, best = leaving(gram), np.uint64(0), 0, -1
    for last in range(len(text)):
        run = run * BASE + np.uint64(text[last]) + np.uint64(1)
        if last >= gram:
            run -= (np.uint64(text[last - gram]) + np.uint64(1)) * factor
        place = last - gram + 1
        if place < 0:
            continue
        keys[place] = mixed(run)
        if place < window - 1:
            continue
        if best <= place - window:
            best = place - window + 1
            for other in range(best + 1, place + 1):
                if keys[other] <= keys[best]:
                    best = other
        elif keys[place] <= keys[best]:
            best = place
        else:
            continue
        places[found] = best
        found += 1
    return places[:found], keys[places[:found]]


@kernel
def _common(one: Bytes, two: Bytes, place_one: int, place_two: int) -> tuple[int, int]:
    """Returns the range of `two` around its place that is equal to what is around the place of `one`."""
    start = 0
    while start < min(place_one, place_two) and one[place_one - start - 1] == two[place_two - start - 1]:
        start += 1
    end = 0
    while place_one + end < len(one) and place_two + end < len(two) and one[place_one + end] == two[place_two + end]:
        end += 1
    return place_two - start, place_two + end
