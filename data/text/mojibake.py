r"""Which texts a repair could change: a test in one pass, so that ftfy, which is slow, meets only those.

ftfy takes a text for mojibake where it finds an unlikely run of characters (`ftfy.badness.BADNESS_RE`). `_RUNS` holds
two or three characters of each of its alternatives, or a little more than those; so a text in which none of these is
found has nothing for ftfy to find. What ftfy replaces without looking around (ligatures, controls) is `_ALWAYS`.
"""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CONTROL_CHARS, LIGATURES
from numpy.typing import NDArray

from data.text.kernel import code_point, kernel

ENTITY, SUSPECT, COMPOSE, NOT_ASCII = 1, 2, 4, 8
"""What a text may hold: an HTML entity; something that ftfy changes; characters that NFC may change; beyond ASCII."""

_CONTROL = 16
_PLANE = 0x10000
_ALWAYS = [*range(0x80, 0xA0), *LIGATURES, *(code for code in CONTROL_CHARS if code >= 0x80)]
_CONTROLS = [code for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"]
"""ftfy takes them out before it composes; among ASCII there is nothing to compose."""
_COMPOSED = (
    *((0x00, 0x300), (0x2002, 0x20D0), (0x2100, 0x2126), (0x3001, 0x302A), (0x3030, 0x3099)),
    *((0x309B, 0xA000), (0xFF01, 0xFFF0)),
)
"""Ranges that NFC never touches and that never join what stands before them."""

_RUNS: tuple[tuple[str, str] | tuple[str, str, str], ...] = (
    ("{bad}{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}", "{bad}"),
    ("{lower_common}{upper_common}", "{bad}"),
    ("{bad}", "{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}"),
    ("{lower_accented}{lower_common}{box}{end_punctuation}{currency}{numeric}", "{upper_accented}"),
    ("{box}{end_punctuation}{currency}{numeric}", "{lower_accented}"),
    ("{lower_accented}{upper_accented}{box}{end_punctuation}", "{currency}"),
    ("{upper_accented}{box}", "{numeric}{law}"),
    ("{lower_accented}{upper_accented}{box}{currency}{end_punctuation}", "{start_punctuation}", "{numeric}"),
    (
        "{lower_accented}{upper_accented}{currency}{numeric}{box}{law}",
        "{end_punctuation}",
        "{start_punctuation}",
    ),
    ("{currency}{numeric}{box}{upper_accented}", "{start_punctuation}"),
    ("{box}", "{kaomoji}{end_punctuation}"),
    ("{lower_accented}{upper_accented}{currency}{numeric}{start_punctuation}{end_punctuation}{law}", "{box}"),
    ("{lower_accented}{upper_accented}", "{start_punctuation}{end_punctuation}", r"\w"),
    ("Œœ", "^A-Za-z"),
    ("{upper_accented}", "°"),
    ("ÂÃÎÐ", "€œŠš¢£Ÿž\xa0\xad®©°·»–—´¡{start_punctuation}{end_punctuation}"),
    ("ÂÃ", " "),
    ("×", "²³"),
    ("ØÙ", "{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»"),
    ("à", "²µ¹¼½¾"),
    ("√", "±∂†≠®™´≤≥¥µø"),
    ("≈", "°¢"),
    ("‚", "Äâó"),
    ("вВ", "Ђ"),
    ("ВГРС", "{c1}{bad}{start_punctuation}{end_punctuation}{currency}°µ", "ВГРС"),
    ("ΒΓΞΟ", "{c1}{bad}{start_punctuation}{end_punctuation}{currency}°", "ΒΓΞΟ"),
    ("βā", "€"),
)


class _Tables(NamedTuple):
    """By code point of the basic plane; rarer characters count as its last."""

    groups: NDArray[np.uint8]
    """Characters of one group stand in the same places of the runs."""
    opens: NDArray[np.bool_]
    """By group: whether a run begins with it."""
    pairs: NDArray[np.uint8]
    """By two groups: 1 where they are a run; other bits name what must follow to make one."""
    thirds: NDArray[np.uint8]
    """Bits that a character has as the third of a run."""
    alone: NDArray[np.uint8]
    """Flags that a character sets wherever it stands."""


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    plane = "".join(map(chr, range(_PLANE)))

    @cache
    def members(characters: str) -> NDArray[np.bool_]:
        mask = np.zeros(_PLANE, dtype=bool)
        for run in re.finditer(f"[{characters.format(**MOJIBAKE_CATEGORIES)}]+", plane):
            mask[run.start() : run.end()] = True
        mask[-1] = characters in (r"\w", "^A-Za-z")
        return mask

    sets = sorted({characters for run in _RUNS for characters in run[:2]})
    signatures = sum(members(characters).astype(np.uint64) << np.uint64(bit) for bit, characters in enumerate(sets))
    _, first, groups = np.unique(signatures, return_index=True, return_inverse=True)
    third_sets = sorted({run[2] for run in _RUNS if len(run) == 3})
    pairs = np.zeros((len(first), len(first)), dtype=np.uint8)
    thirds = np.zeros(_PLANE, dtype=np.uint8)
    for bit, characters in enumerate(third_sets, start=1):
        thirds[members(characters)] |= 1 << bit
    for run in _RUNS:
        bit = 1 << (1 + third_sets.index(run[2])) if len(run) == 3 else 1
        pairs[np.ix_(members(run[0])[first], members(run[1])[first])] |= bit
    alone = np.full(_PLANE, COMPOSE, dtype=np.uint8)
    for start, end in _COMPOSED:
        alone[start:end] = 0
    alone[_ALWAYS] |= SUSPECT
    alone[_CONTROLS] |= _CONTROL
    return _Tables(groups.astype(np.uint8), np.logical_or.reduce(pairs, axis=1), pairs, thirds, alone)


def inspect(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(N,) the sum of the flags of each text `data[offsets[i]:offsets[i + 1]]`."""
    flags = np.zeros(len(offsets) - 1, dtype=np.uint8)
    _inspect(data, offsets, *_tables(), flags)
    return flags


@kernel
def _is_entity(data: Any, at: int, end: int) -> bool:
    """Whether `&name;`, `&#123;` or `&#x1f;` begins at this ampersand."""
    at += 1
    numeric = at < end and data[at] == 0x23
    hexadecimal = numeric and at + 1 < end and data[at + 1] | 0x20 == 0x78
    at += numeric + hexadecimal
    first = at
    while at < end:
        byte = data[at]
        digit = 0x30 <= byte <= 0x39
        letter = 0x61 <= byte | 0x20 <= (0x66 if hexadecimal else 0x7A)
        if not ((digit and (numeric or at > first)) or (letter and (hexadecimal or not numeric))):
            break
        at += 1
    return at < end and data[at] == 0x3B and at - first >= (1 if numeric else 2)


@kernel
def _inspect(data: Any, offsets: Any, groups: Any, opens: Any, pairs: Any, thirds: Any, alone: Any, flags: Any) -> None:
    for document in range(len(flags)):
        at, end = offsets[document], offsets[document + 1]
        found = 0
        waiting = False  # whether the characters before may begin a run
        group = awaited = 0
        while at < end:
            byte = data[at]
            if byte == 0x26 and _is_entity(data, at, end):
                found |= ENTITY
            if byte < 0x80 and not waiting:
                found |= alone[byte]
                at += 1
                continue
            character, width = code_point(data, at)
            if character >= 0x80:
                found |= NOT_ASCII
            place = min(character, _PLANE - 1)
            found |= alone[place]
            if awaited & thirds[place]:
                found |= SUSPECT
            now = groups[place]
            awaited = pairs[group, now] if waiting and opens[group] else 0
            if awaited & 1:
                found |= SUSPECT
            group = now
            waiting = opens[now] or awaited != 0
            at += width
        if found & NOT_ASCII and found & _CONTROL:
            found |= SUSPECT
        flags[document] = found & ~_CONTROL
