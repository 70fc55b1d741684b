"""Where in a batch of texts personal data can be: what the bytes show before any pattern runs.

Every type of personal data leaves a trace in UTF-8: an '@', many digits close together, a long word without a space.
The traces of a whole batch are found by a few passes of numpy over its bytes, and patterns run only around them, so
text without any costs next to nothing. A trace may lie where nothing is; the other way round is an error.
Shapes: N bytes of the batch with `WORD_BYTES` zeros behind them, P places, S stretches of places, W windows.
"""

import re
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

WORD_BYTES = 16
"""Length from which an unbroken word of ASCII letters, digits, '_' and '-' is a trace."""
# The one-character names of the provinces on number plates (GA 36-2018), embassies and consulates included.
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"


def _at_signs(data_N: Bytes) -> Places:
    """'@', and what is written for it: 'at' before a closing bracket, and ' dot ' where the full stop is spelled."""
    closing = (data_N == ord(")")) | (data_N == ord("]")) | (data_N == ord("}"))
    closing[1:] |= (data_N[1:] >= 0xE3) & (data_N[:-1] < 0x80)  # first byte of a Chinese bracket, after ASCII
    closing_P = np.flatnonzero(closing[3:]) + 3
    last_P = closing_P - 1 - (data_N[closing_P - 1] == ord(" "))
    spelled_P = closing_P[((data_N[last_P] | 0x20) == ord("t")) & ((data_N[last_P - 1] | 0x20) == ord("a"))]
    dots_P = np.flatnonzero((data_N[:-4] == ord(" ")) & (data_N[1:-3] | 0x20 == ord("d")))
    for place, letter in ((2, "o"), (3, "t"), (4, " ")):
        dots_P = dots_P[(data_N[dots_P + place] | 0x20) == ord(letter)]
    return np.sort(np.concatenate((np.flatnonzero(data_N == ord("@")), spelled_P, dots_P)))


def _digits(data_N: Bytes) -> Places:
    """ASCII digits."""
    return np.flatnonzero(_within(data_N, "09"))


def _dots(data_N: Bytes) -> Places:
    """Full stops between digits."""
    dots = np.flatnonzero(data_N[1:-1] == ord(".")) + 1
    return dots[_within(data_N[dots - 1], "09") & _within(data_N[dots + 1], "09")]


def _colons(data_N: Bytes) -> Places:
    """Colons."""
    return np.flatnonzero(data_N == ord(":"))


def _long_words(data_N: Bytes) -> Places:
    """Bytes with which `WORD_BYTES` of a word are complete."""
    word = _within(data_N | 0x20, "az") | _within(data_N, "09") | (data_N == ord("_")) | (data_N == ord("-"))
    length = 1
    while length < WORD_BYTES:
        word = word[length:] & word[:-length]
        length *= 2
    return np.flatnonzero(word) + WORD_BYTES - 1


def _key_blocks(data_N: Bytes) -> Places:
    """The first and last lines of private keys."""
    return np.array([found.start() for found in re.finditer(b"PRIVATE KEY", data_N.data)], np.int64)


def _plates(data_N: Bytes) -> Places:
    """Capital letters after the name of a province."""
    capitals = np.flatnonzero(_within(data_N[3:], "AZ") & (data_N[2:-1] >= 0x80)) + 3
    first, second, third = (data_N[capitals - back].astype(np.int32) for back in (3, 2, 1))
    character = ((first & 0x0F) << 12) | ((second & 0x3F) << 6) | (third & 0x3F)
    return capitals[np.isin(character, [ord(name) for name in PROVINCES])]


class Trace(Enum):
    """What is looked for: how many of its places, how near to each other, and how far around them a find may reach."""

    AT = (_at_signs, 1, 1, 130)
    DIGITS = (_digits, 7, 7, 52)
    MANY_DIGITS = (_digits, 12, 7, 52)
    DOTS = (_dots, 3, 4, 52)
    COLONS = (_colons, 2, 5, 52)
    LONG_WORD = (_long_words, 1, 1, 80)
    KEY_BLOCK = (_key_blocks, 1, 1, 9_000)
    PLATE = (_plates, 1, 1, 24)

    def __init__(self, places: Callable[[Bytes], Places], least: int, gap: int, reach: int) -> None:
        self._places, self._least, self._gap, self._reach = places, least, gap, reach

    def windows(self, data_N: Bytes, offsets: Places) -> tuple[Places, Places, Places]:
        """Returns the W parts of the batch in which a find can be: index of the text, first byte, byte after the last.

        `offsets` (texts + 1,) is where each text begins. Windows do not overlap, so that what looks through them takes a
        time linear in the text.
        """
        places_P = self._places(data_N)
        text_P = np.searchsorted(offsets, places_P, side="right") - 1
        begins_P = (np.diff(places_P, prepend=0) > self._gap) | (np.diff(text_P, prepend=-1) > 0)
        first_S = np.flatnonzero(begins_P)
        last_S = np.append(first_S[1:], places_P.size) - 1
        enough_S = last_S - first_S + 1 >= self._least
        first_S, last_S = first_S[enough_S], last_S[enough_S]
        text_S = text_P[first_S]
        starts_S = np.maximum(places_P[first_S] - self._reach, offsets[text_S])
        ends_S = np.minimum(places_P[last_S] + 1 + self._reach, offsets[text_S + 1])
        apart_S = starts_S[1:] >= ends_S[:-1]
        opens_S, closes_S = np.insert(apart_S, 0, True), np.append(apart_S, True)
        return text_S[opens_S[: text_S.size]], starts_S[opens_S[: text_S.size]], ends_S[closes_S[: text_S.size]]


def wide_characters(data_N: Bytes) -> Places:
    """Where letters, digits or '@' of full width stand, which leave no traces before they are narrowed."""
    first = np.flatnonzero(data_N[:-2] == 0xEF)
    second, third = data_N[first + 1], data_N[first + 2]
    upper = (second == 0xBC) & ((third >= 0x90) & (third <= 0x99) | (third >= 0xA0) & (third <= 0xBA))
    lower = (second == 0xBD) & (third >= 0x81) & (third <= 0x9A)
    return first[upper | lower]


def _within(data: Bytes, ends: str) -> Flags:
    """Which bytes lie between the two characters."""
    low, high = (ord(end) for end in ends)
    return data - np.uint8(low) <= high - low
