"""White space in its one spelling, and characters that nobody sees taken out, in one pass over the bytes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.text.kernel import code_point, kernel

_KEEP, _BLANK, _NEWLINE, _DROP = range(4)


def _actions() -> NDArray[np.uint8]:
    """What becomes of a character, by code point up to U+FFFF."""
    actions = np.full(0x10000, _KEEP, dtype=np.uint8)
    actions[[*range(0x0A, 0x0E), *range(0x1C, 0x1F), 0x85, 0x2028, 0x2029]] = _NEWLINE
    actions[[0x09, 0x1F, 0x20, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000]] = _BLANK
    actions[0x2000:0x200B] = _BLANK
    # Other control characters, soft hyphen, zero-width space, word joiner, byte order mark, direction marks, marks of
    # annotations and objects. Zero-width joiner and non-joiner stay: Indic and Persian words and emoji need them.
    for first, last in ((0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0x200E, 0x200F)):
        actions[first : last + 1] = _DROP
    actions[0x202A:0x202F] = actions[0x2066:0x2070] = actions[0xFFF9:0xFFFD] = _DROP
    actions[[0xAD, 0x200B, 0x2060, 0xFEFF, 0xFFFD]] = _DROP
    return actions


_ACTIONS = _actions()


def plain_spacing(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts with single spaces and no more than one empty line, without margins and invisible characters.

    The ideographic space U+3000, which indents Chinese paragraphs, becomes a plain one with the other blanks.

    Args:
        data: bytes of the texts.
        offsets: (N + 1,).
        wanted: (N,) texts to change; the others are copied.

    Returns:
        Bytes and (N + 1,) offsets of the new texts.
    """
    output = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    new_offsets = np.zeros(len(offsets), dtype=np.int64)
    _write(data, offsets, wanted, _ACTIONS, output, new_offsets)
    return output[: new_offsets[-1]], new_offsets


@kernel
def _write(data: Any, offsets: Any, wanted: Any, actions: Any, output: Any, new_offsets: Any) -> None:
    size = 0
    for document in range(len(offsets) - 1):
        at, end, begin = offsets[document], offsets[document + 1], size
        if not wanted[document]:
            for place in range(at, end):
                output[size] = data[place]
                size += 1
            new_offsets[document + 1] = size
            continue
        newlines = 0
        blank = False
        while at < end:
            character, width = code_point(data, at)
            action = actions[character] if character < len(actions) else _KEEP
            if action == _KEEP:
                if size > begin:
                    if newlines:
                        for _ in range(min(newlines, 2)):
                            output[size] = 0x0A
                            size += 1
                    elif blank:
                        output[size] = 0x20
                        size += 1
                newlines = 0
                blank = False
                for place in range(at, at + width):
                    output[size] = data[place]
                    size += 1
            elif action == _BLANK:
                blank = True
            elif action == _NEWLINE and not (character == 0x0D and at + 1 < end and data[at + 1] == 0x0A):
                newlines += 1
            at += width
        new_offsets[document + 1] = size
