"""What the ids of a tokenizer are, as arrays: views work on ids alone and never touch a string.

The arrays are drawn from the artifact's list of pieces, so a machine that only trains needs no tokenizer library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPACE = "\u2581"
"""How pieces write a space."""
VOCABULARY_FILE = "vocabulary.json"


@dataclass(frozen=True)
class Specials:
    """The fixed block of special ids at the start of every vocabulary, whatever the recipe.

    Objectives declare which they need; adding one takes a spare and never retrains a tokenizer.
    """

    pad: int = 0
    unk: int = 1
    bos: int = 2
    """Starts every sample; its state stands for the sample where attention is full (BERT's [CLS])."""
    eos: int = 3
    sep: int = 4
    mask: int = 5
    sentence_mask: int = 6
    generation_mask: int = 7
    span_start: int = 8
    span_end: int = 9
    system: int = 10
    user: int = 11
    assistant: int = 12
    end_of_turn: int = 13
    image: int = 14
    spare: tuple[int, ...] = tuple(range(15, 31))

    def by_name(self) -> dict[str, int]:
        """Returns name -> id in the order of the ids; spares are `spare_0` to `spare_15`."""
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "spare"}
        return named | {f"spare_{index}": token_id for index, token_id in enumerate(self.spare)}

    @property
    def count(self) -> int:
        """Size of the block; the first id that can stand for text."""
        return len(self.by_name())


SPECIALS = Specials()


def special_piece(name: str) -> str:
    """Returns how the special `name` is written: `<|bos|>`. The same characters in a text are ordinary text."""
    return f"<|{name}|>"


def ids_dtype(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """Returns the type of the ids of so many pieces: uint16 or uint32, little-endian on every machine."""
    return np.dtype("<u2" if vocab_size <= 2**16 else "<u4")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Facts about each of V ids, as boolean arrays of shape (V,)."""

    is_special: NDArray[np.bool_]
    word_start: NDArray[np.bool_]
    """A word begins with this piece: it starts with a space, a line break or a Chinese or Japanese character."""
    word_end: NDArray[np.bool_]
    """Whatever follows this piece begins a word: line breaks and Chinese or Japanese characters."""
    sentence_end: NDArray[np.bool_]
    """The piece ends in a full stop, question or exclamation mark of either width or an ellipsis, with or without
    closing quotes, or is a line break."""
    closing: NDArray[np.bool_]
    """The piece holds closing quotes and brackets only, or is a line break: it belongs to the sentence before it."""
    specials: Specials = SPECIALS

    @property
    def size(self) -> int:
        """V."""
        return len(self.is_special)

    @classmethod
    def from_pieces(cls, pieces: Sequence[str]) -> Vocabulary:
        """Reads the facts off the pieces, given in the order of their ids.

        Raises:
            ValueError: the block of specials is not where it has to be.
        """
        expected = [special_piece(name) for name in SPECIALS.by_name()]
        if list(pieces[: len(expected)]) != expected:
            raise ValueError(
                f"the vocabulary starts with {list(pieces[:4])}..., not with the special pieces {expected[:4]}...; "
                "train the tokenizer with data.tokenizer.train_tokenizer"
            )
        texts = [_surface(piece) for piece in pieces[len(expected) :]]

        def flags(special: bool, fact: re.Pattern[str]) -> NDArray[np.bool_]:
            return np.array([special] * len(expected) + [fact.match(text) is not None for text in texts])

        return cls(
            is_special=np.arange(len(pieces)) < len(expected),
            word_start=flags(True, _WORD_START),
            word_end=flags(True, _WORD_END),
            sentence_end=flags(False, _SENTENCE_END),
            closing=flags(False, _CLOSING),
        )

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Reads the vocabulary of a `tokenizer` artifact."""
        return cls.from_pieces(json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8")))


_CJK = "\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
"""Chinese and Japanese characters and punctuation, written without spaces. Korean has spaces and is not here."""
_CLOSERS = "\"'\u2019\u201d)\\]\u00bb\u203a\uff02\uff07\uff09\u300b\u300d\u300f\u3011"
_WORD_START = re.compile(rf"[{SPACE}\n\t{_CJK}]")
_WORD_END = re.compile(rf".*[\n\t{_CJK}]\Z", re.DOTALL)
_SENTENCE_END = re.compile(rf".*(?:[.!?\u2026\u3002\uff01\uff1f\uff61][{_CLOSERS}]*|\n)\Z", re.DOTALL)
_CLOSING = re.compile(rf"(?:[{_CLOSERS}]+|\n)\Z")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def _surface(piece: str) -> str:
    """Returns the text of a piece.

    A byte that opens a character of three or four bytes (mostly Chinese, or an emoji) is shown as a Chinese character,
    for it too begins a word; other bytes beyond ASCII give no text.
    """
    byte = _BYTE.fullmatch(piece)
    if byte is None:
        return piece
    value = int(byte[1], 16)
    if value < 0x80:
        return chr(value)
    return "\u4e00" if 0xE3 <= value <= 0xF0 else ""
