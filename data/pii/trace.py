"""Where in a batch of texts personal data can be: what the bytes show before any pattern runs.

Every type of personal data leaves a trace in UTF-8: an '@', many digits close together, a long word without a space.
The traces of a whole batch are found by a few passes of numpy over its bytes, and patterns run only around them, so
text without any costs next to nothing. A trace may lie where nothing is; the other way round is an error.
Shapes: N bytes of the batch with `WORD_BYTES` zeros behind them, P places, S stretches.
"""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Stretches:
    """Parts of the batch; S stretches in order, each from its first byte to the one after its last."""

    starts_S: Places
    ends_S: Places


def _at_signs(data_N: Bytes) -> Places:
    """'@', also of full width, and what is written for it: 'at' before a closing bracket, ' dot ' for a full stop."""
    signs = np.flatnonzero(data_N == ord("@"))
    closing = np.flatnonzero((data_N == ord(")")) | (data_N == ord("]")) | (data_N == ord("}")))
    closing = np.concatenate((closing, _leads(data_N, "）"), _leads(data_N, "】"), _leads(data_N, "］")))
    closing = closing[closing >= 3]
    last = closing - 1 - (data_N[closing - 1] == ord(" "))
    spelled = closing[((data_N[last] | 0x20) == ord("t")) & ((data_N[last - 1] | 0x20) == ord("a"))]
    found = (signs, _leads(data_N, "＠"), spelled, _words(data_N, b" dot ", b" DOT "))
    return np.sort(np.concatenate(found))


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
    return _words(data_N, b"PRIVATE KEY")


def _plates(data_N: Bytes) -> Places:
    """Capital letters after the name of a province."""
    capitals = np.flatnonzero(_within(data_N[3:], "AZ") & (data_N[2:-1] >= 0x80)) + 3
    first, second, third = (data_N[capitals - back].astype(np.int32) for back in (3, 2, 1))
    character = ((first & 0x0F) << 12) | ((second & 0x3F) << 6) | (third & 0x3F)
    return capitals[np.isin(character, [ord(name) for name in PROVINCES])]


class Trace(Enum):
    """What is looked for, and how near to each other how many of its places make a stretch."""

    AT = (_at_signs, 1, 700)
    DIGITS = (_digits, 7, 7)
    DOTS = (_dots, 3, 4)
    COLONS = (_colons, 2, 5)
    LONG_WORD = (_long_words, 1, 200)
    KEY_BLOCK = (_key_blocks, 1, 20_000)
    PLATE = (_plates, 1, 100)

    def __init__(self, places: Callable[[Bytes], Places], least: int, gap: int) -> None:
        self._places, self._least, self._gap = places, least, gap

    def stretches(self, data_N: Bytes) -> Stretches:
        """Returns where at least so many places follow one another at no more than the gap, in bytes."""
        places_P = self._places(data_N)
        first_S = np.flatnonzero(np.diff(places_P, prepend=-self._gap - 1) > self._gap)
        last_S = np.append(first_S[1:], places_P.size) - 1
        enough_S = last_S - first_S + 1 >= self._least
        return Stretches(places_P[first_S[enough_S]], places_P[last_S[enough_S]] + 1)


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


def _leads(data_N: Bytes, character: str) -> Places:
    """First bytes of a character that takes three."""
    first, second, third = character.encode()
    leads = np.flatnonzero(data_N[:-2] == first)
    return leads[(data_N[leads + 1] == second) & (data_N[leads + 2] == third)]


def _words(data_N: Bytes, *words: bytes) -> Places:
    """Where any of these begins."""
    text, places = data_N.tobytes(), []
    for word in words:
        place = text.find(word)
        while place >= 0:
            places.append(place)
            place = text.find(word, place + 1)
    return np.array(sorted(places), np.int64)
