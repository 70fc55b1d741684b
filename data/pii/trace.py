"""Where in a batch of texts personal data can be: what the bytes show before any pattern runs.

Every type of personal data leaves a trace in UTF-8: an '@', many digits together, a long word without a space. A
compiled loop over the bytes of the batch finds the traces, and patterns run only around them, so text without any
costs next to nothing. A trace may lie where nothing is; the other way round is an error.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.text.kernel import code_point, kernel

# The one-character names of the provinces on number plates (GA 36-2018), embassies and consulates included.
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"


class Trace(IntEnum):
    """What is looked for."""

    AT = 0
    """'@', and what is written for it: 'at' before a closing bracket, and ' dot ' where the full stop is spelled."""
    DIGITS = 1
    """Seven ASCII digits with little in between."""
    MANY_DIGITS = 2
    """Twelve of them."""
    DOTS = 3
    """Three full stops between digits."""
    COLONS = 4
    """Two colons with at most four bytes in between."""
    LONG_WORD = 5
    """Sixteen ASCII letters, digits, '_' and '-' in a row with a capital or a digit among them, or 24 of any kind."""
    KEY_BLOCK = 6
    """'PRIVATE KEY'."""
    PLATE = 7
    """A capital letter after the name of a province."""
    WIDE = 8
    """A letter, digit or '@' of full width: the text is to be looked at again with ASCII in its place."""


REACH = np.array([130, 52, 52, 52, 52, 80, 9_000, 24, 2**40])
"""By trace: how far around it, in bytes, a find and what it looks at may reach; `WIDE` means all of the text."""

_DIGITS, _MANY_DIGITS, _DIGIT_GAP = 7, 12, 7
_DOTS, _DOT_GAP = 3, 4
_COLONS, _COLON_GAP = 2, 5
_WORD, _PLAIN_WORD = 16, 24
_KEY = np.frombuffer(b"PRIVATE KEY", np.uint8)
_PLATES = np.array([ord(name) for name in PROVINCES])

_OTHER, _SMALL, _CAPITAL, _DIGIT, _JOINT, _MARK = range(6)
_KINDS = np.full(256, _OTHER, np.uint8)
"""What a byte may be part of."""
_KINDS[ord("a") : ord("z") + 1] = _SMALL
_KINDS[ord("A") : ord("Z") + 1] = _CAPITAL
_KINDS[ord("0") : ord("9") + 1] = _DIGIT
_KINDS[[*b"_-"]] = _JOINT
_KINDS[[*b"@)]}.: ", 0xE3, 0xEF]] = _MARK  # the last two open Chinese brackets and characters of full width


class Windows(NamedTuple):
    """W parts of a batch in which a find of one trace can be, by text and in order.

    Those of one trace do not overlap, so that what looks through them takes a time linear in the text.
    """

    traces: NDArray[np.int64]
    texts: NDArray[np.int64]
    """(W,) index of the text."""
    starts: NDArray[np.int64]
    """(W,) first byte in the batch."""
    ends: NDArray[np.int64]
    """(W,) the byte behind the last."""


def find_windows(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Windows:
    """Looks through the texts `data[offsets[i]:offsets[i + 1]]`."""
    size, texts = int(offsets[-1] - offsets[0]), len(offsets) - 1
    most = sum(size // (2 * int(reach) + 1) + texts for reach in REACH)  # windows of a trace lie that far apart
    columns = np.empty((most, 4), np.int64)
    count = _find(data, offsets, _KINDS, REACH, _KEY, _PLATES, columns)
    return Windows(*columns[:count].T)


@kernel
def _find(data: Any, offsets: Any, kinds: Any, reach: Any, key: Any, plates: Any, windows: Any) -> Any:
    latest = np.full(len(reach) + 1, -1)  # by trace: its last window; then the last window of all
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        place = text, begin, end
        word = marked = digits = dots = colons = 0
        first_digit = last_digit = first_dot = last_dot = first_colon = last_colon = begin - _DIGIT_GAP - 1
        for at in range(begin, end):
            kind = kinds[data[at]]
            if kind in (_OTHER, _MARK):
                word = marked = 0
            else:
                word += 1
                marked += kind in (_DIGIT, _CAPITAL)
                if word >= _WORD and (marked or word >= _PLAIN_WORD):
                    _widen(Trace.LONG_WORD.value, at + 1 - word, at, place, reach, latest, windows)
            if kind == _DIGIT:
                if at - last_digit > _DIGIT_GAP:
                    digits, first_digit = 0, at
                digits, last_digit = digits + 1, at
                if digits >= _DIGITS:
                    _widen(Trace.DIGITS.value, first_digit, at, place, reach, latest, windows)
                if digits >= _MANY_DIGITS:
                    _widen(Trace.MANY_DIGITS.value, first_digit, at, place, reach, latest, windows)
            elif kind == _CAPITAL:
                if data[at] == key[0] and _holds(data, at, end, key):
                    _widen(Trace.KEY_BLOCK.value, at, at, place, reach, latest, windows)
                if at - begin >= 3 and data[at - 1] >= 0x80 and _is_province(data, at - 3, plates):
                    _widen(Trace.PLATE.value, at, at, place, reach, latest, windows)
            elif kind == _MARK:
                byte = data[at]
                if byte == 0x2E:
                    if at > begin and at + 1 < end and kinds[data[at - 1]] == kinds[data[at + 1]] == _DIGIT:
                        if at - last_dot > _DOT_GAP:
                            dots, first_dot = 0, at
                        dots, last_dot = dots + 1, at
                        if dots >= _DOTS:
                            _widen(Trace.DOTS.value, first_dot, at, place, reach, latest, windows)
                elif byte == 0x3A:
                    if at - last_colon > _COLON_GAP:
                        colons, first_colon = 0, at
                    colons, last_colon = colons + 1, at
                    if colons >= _COLONS:
                        _widen(Trace.COLONS.value, first_colon, at, place, reach, latest, windows)
                elif byte == 0xEF and _is_wide(data, at):
                    _widen(Trace.WIDE.value, at, at, place, reach, latest, windows)
                elif byte == 0x40 or (_spells_dot(data, at, end) if byte == 0x20 else _spells_at(data, begin, at)):
                    _widen(Trace.AT.value, at, at, place, reach, latest, windows)
    return latest[-1] + 1


@kernel
def _widen(trace: int, first: int, last: int, place: Any, reach: Any, latest: Any, windows: Any) -> None:
    """Makes the bytes `first` to `last` and what lies around them part of a window, of the latest one if they touch."""
    text, begin, end = place
    start, stop = max(begin, first - reach[trace]), min(end, last + 1 + reach[trace])
    window = latest[trace]
    if window < 0 or windows[window, 1] != text or windows[window, 3] < start:
        latest[-1] += 1
        latest[trace] = window = latest[-1]
        windows[window, 0], windows[window, 1], windows[window, 2] = trace, text, start
    windows[window, 3] = stop


@kernel
def _holds(data: Any, at: int, end: int, word: Any) -> bool:
    place = 0
    while place < len(word) and at + place < end and data[at + place] == word[place]:
        place += 1
    return place == len(word)


@kernel
def _is_province(data: Any, at: int, plates: Any) -> Any:
    if data[at] & 0xF0 != 0xE0:
        return False
    character, _ = code_point(data, at)
    return character in plates


@kernel
def _is_wide(data: Any, at: int) -> bool:
    """Whether a letter, digit or '@' of full width (U+FF10 to U+FF5A) begins here."""
    character, _ = code_point(data, at)
    return bool(0xFF10 <= character <= 0xFF19 or 0xFF20 <= character <= 0xFF3A or 0xFF41 <= character <= 0xFF5A)


@kernel
def _spells_at(data: Any, begin: int, at: int) -> Any:
    """Whether 'at' stands before this byte, a blank in between or not."""
    last = at - 1
    if last > begin and data[last] == 0x20:
        last -= 1
    return last - 1 > begin and data[last] | 0x20 == 0x74 and data[last - 1] | 0x20 == 0x61


@kernel
def _spells_dot(data: Any, at: int, end: int) -> Any:
    """Whether ' dot ' begins at this blank."""
    if end - at < 5 or data[at + 4] != 0x20:
        return False
    return data[at + 1] | 0x20 == 0x64 and data[at + 2] | 0x20 == 0x6F and data[at + 3] | 0x20 == 0x74
