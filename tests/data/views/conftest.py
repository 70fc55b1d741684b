"""Rows and a vocabulary small enough to compute a view's result by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from data.packing import Windows, pack
from data.views.base import Alignment, ViewContext
from data.views.noise import key, row_seeds
from data.vocabulary import SPECIALS, Vocabulary, special_piece

PIECES = ["▁the", "▁cat", "s", "▁ran", ".", "。", "天", "气", "”", "<0x0A>", "3", "!", "ing", "▁a", "▁b", "▁c", "▁d"]

LayOut = Callable[[Sequence[Sequence[int]], int], Windows]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """The specials, then `PIECES` from id 31 on, then 183 words: 231 in all."""
    return Vocabulary.from_pieces(
        [*map(special_piece, SPECIALS.by_name()), *PIECES, *(f"▁word{index}" for index in range(183))]
    )


@pytest.fixture(scope="session")
def ids() -> Callable[..., list[int]]:
    """Ids of pieces; a special is written by its name."""
    return lambda *pieces: [
        SPECIALS.by_name()[piece] if piece in SPECIALS.by_name() else SPECIALS.count + PIECES.index(piece)
        for piece in pieces
    ]


@pytest.fixture(scope="session")
def context(vocabulary: Vocabulary) -> Callable[..., ViewContext]:
    def build(sequence_length: int, alignment: Alignment = "shifted") -> ViewContext:
        return ViewContext(vocabulary, sequence_length, alignment)

    return build


@pytest.fixture(scope="session")
def lay_out() -> LayOut:
    """Packs documents into rows of some length; sample ids are left out if no row has padding or a second sample."""

    def build(documents: Sequence[Sequence[int]], sequence_length: int) -> Windows:
        packing = pack(np.cumsum([0, *map(len, documents)]), sequence_length)
        tokens = np.array([token for document in documents for token in document], dtype=np.uint16)
        return packing.read(tokens, np.arange(packing.rows), single=packing.single_rows == packing.rows)

    return build


@pytest.fixture(scope="session")
def seeds() -> Callable[..., NDArray[np.uint64]]:
    def build(rows: int, epoch: int = 0) -> NDArray[np.uint64]:
        return row_seeds(key(7, epoch), np.arange(rows))

    return build
