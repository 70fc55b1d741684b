"""Pieces of held-out documents that exams read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.document import iter_texts
from data.packing import Ints
from data.shards import Shards
from lightning_modules.scoring.language_model import chosen_documents


class Piece(NamedTuple):
    """A run of tokens of one document, without specials."""

    id: str
    """'<document>:<first token>'."""
    source: str
    ids: Ints


def named_pieces(shards: Shards, corpus: Path, length: int, max_tokens: int, seed: int) -> list[Piece]:
    """Returns documents drawn by the seed, of about `max_tokens` in all, in pieces of at most `length` tokens."""
    names = _names(corpus)
    pieces = []
    for document in chosen_documents(shards, seed, None, max_tokens):
        ids = shards.document(document)[:max_tokens]  # a single longer one is cut
        pieces += [
            Piece(f"{names[document][0]}:{start}", names[document][1], ids[start : start + length])
            for start in range(0, len(ids), length)
        ]
    return pieces


def long_pieces(shards: Shards, corpus: Path, length: int, most: int) -> list[Piece]:
    """Returns the beginnings, of `length` tokens each, of at most `most` documents that have so many.

    They are taken at even distances among those that are long enough, so that all sources have their part.

    Raises:
        ValueError: no document is so long.
    """
    lengths_D = np.diff(shards.offsets)
    long = np.flatnonzero(lengths_D >= length)
    if not len(long):
        longest = int(lengths_D.max(initial=0))
        raise ValueError(
            f"no document of the test split has {length:,} tokens, the longest has {longest:,}: set the exam's length "
            "to what they have, or give the corpus longer documents"
        )
    names = _names(corpus)
    chosen = long[np.unique(np.linspace(0, len(long) - 1, most).astype(np.int64))]
    return [Piece(f"{names[d][0]}:0", names[d][1], shards.document(d)[:length]) for d in chosen]


def _names(corpus: Path) -> list[tuple[str, str]]:
    """Returns id and source of every test document, in the order of the shards."""
    batches = list(iter_texts(corpus, "test", columns=("id", "source")))
    columns = ([value for batch in batches for value in batch[name].to_pylist()] for name in ("id", "source"))
    return list(zip(*columns, strict=True))
