"""Retrieval: queries and documents, each `[bos] text [eos]` in a row of its own, read to both sides.

Of the right documents of a query one is drawn anew in every epoch, and so are some of those that it must not find.
Shapes: Q queries, D documents, S = Q + D texts, the queries first.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.example_rows import QueryRows
from data.packing import Ints
from data.views.base import View, Viewed, whole_texts
from data.views.noise import uniform

OWN, OTHER, NEITHER = 1, 0, -1
"""What a document is to a query: the one it has to find, one it must not, or another right one."""


class RetrievalViewConfig(Config):
    """What `retrieval` reads."""

    negatives: int = Field(1, ge=0)
    """Documents that look right and are not, at most so many a query, where the data have them. The right documents of
    the other queries of a micro-batch are wrong ones in any case."""


class RetrievalView(View[RetrievalViewConfig]):
    """The first Q documents are those that the queries have to find; a unit of the loss is a query."""

    reads = frozenset({"examples"})
    min_rows = 2

    def __call__(self, rows: QueryRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns all texts and what each document is to each query (Q, D)."""
        noise_B = uniform(seeds_B, "right", 1)[:, 0]
        own_Q = [own[int(noise * len(own))] for own, noise in zip(rows.right, noise_B, strict=True)]
        drawn_D = np.array([*own_Q, *self._wrong(rows, seeds_B)], dtype=np.int64)
        texts = [*rows.queries, *(rows.documents[number] for number in drawn_D)]
        batch = whole_texts(texts, seeds_B, self.specials)
        batch = replace(batch, labels_SK=torch.from_numpy(_relations(rows, drawn_D)))
        return Viewed(batch, {"retrieval": len(own_Q)}, sum(map(len, texts)))

    def _wrong(self, rows: QueryRows, seeds_B: NDArray[np.uint64]) -> list[int]:
        most = max(map(len, rows.wrong))
        if not (most and self.config.negatives):
            return []
        noise_BX = uniform(seeds_B, "wrong", most)
        return [
            wrong[place]
            for wrong, noise_X in zip(rows.wrong, noise_BX, strict=True)
            for place in np.argsort(noise_X[: len(wrong)], kind="stable")[: self.config.negatives]
        ]


def _relations(rows: QueryRows, drawn_D: Ints) -> Ints:
    """Returns (Q, D); a second copy of the document to find is neither, and so is one of the same text."""
    texts = [rows.documents[number].tobytes() for number in drawn_D]
    relations_QD = np.full((len(rows.queries), len(drawn_D)), OTHER, dtype=np.int64)
    for query, right in enumerate(rows.right):
        allowed = {rows.documents[number].tobytes() for number in right}
        relations_QD[query] = [NEITHER if text in allowed else OTHER for text in texts]
        relations_QD[query, query] = OWN
    return relations_QD
