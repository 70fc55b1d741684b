"""Sentence order: cut a sample into m segments of whole sentences, present them permuted, and ask which permutation.

Source: m = 2 is the sentence-order prediction of Lan et al. 2020, arXiv:1909.11942, section 3.1 (class 1 = swapped).
Where a sample has too few sentences it is left out; the paper's released code pairs it with another text instead,
which turns part of the task into telling topics apart.

No sentence is ever cut. What comes before a sample's first sentence end is dropped (half a sentence in the middle of a
document, an opener at its start, which would give the first segment away), and so is what follows the last one.
The dropped part has room for the separators.

Shapes: B rows, T positions, E sentence ends in them, S samples kept, M = m segments (or their borders).
"""

import math
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data.config import Config
from data.packing import Ints, Windows, runs
from data.views.base import View, Viewed
from data.views.noise import uniform
from data.views.segments import Segments, present
from data.vocabulary import Vocabulary

_STARTS = 2
"""A sample starts at one of its first so many sentences, drawn anew in every epoch."""


class SentenceOrderViewConfig(Config):
    """What `sentence_order` reads."""

    segments: int = Field(2, ge=2, le=4)
    """m; the objective tells m! classes apart."""


class SentenceOrderView(View[SentenceOrderViewConfig]):
    """Presents `[bos] A [sep] B ...`; the state of bos stands for the sample.

    The class is the rank of the presented order among all orders, sorted: 0 is the original, m! - 1 the reverse.
    `segment_ids_BT` count the presented segments, so they say nothing about the original order.
    """

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the samples that have enough sentences, each in the place it has in its row."""
        m, positions = self.config.segments, rows.position_ids_BT.reshape(-1)
        borders_SM = self._borders(rows, seeds_B)
        pool_S = borders_SM[:, 0] - positions[borders_SM[:, 0]]
        noise_S = uniform(seeds_B, "order", rows.input_ids_BT.shape[1]).reshape(-1)[pool_S]
        labels_S = (noise_S * math.factorial(m)).astype(np.int64)

        orders = np.array(list(permutations(range(m))))  # sorted; orders[k, i] is the segment presented as the i-th
        order_SM = orders[labels_S]
        segments = Segments(
            pool_S,
            starts_SM=np.take_along_axis(borders_SM[:, :-1], order_SM, axis=1) + 1,
            lengths_SM=np.take_along_axis(np.diff(borders_SM), order_SM, axis=1),
        )
        batch = present(segments, rows, labels_S, seeds_B, closed=False)
        return Viewed(batch, {"sentence_order": len(pool_S)}, int(segments.lengths_SM.sum()))

    def _borders(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Ints:
        """Cuts every sample with enough sentences; returns (S, m + 1) flattened positions.

        Segment i of a sample lies after border i, up to and including border i + 1; each border ends a sentence.
        """
        m, length = self.config.segments, rows.input_ids_BT.shape[1]
        positions = rows.position_ids_BT.reshape(-1)
        ends_E = np.flatnonzero(sentence_ends(rows.input_ids_BT, self.vocabulary))
        bos_E = ends_E - positions[ends_E]
        first, ends_per_sample = runs(bos_E)
        sample_E = np.repeat(np.arange(len(first)), ends_per_sample)
        rank_E = np.arange(len(ends_E)) - first[sample_E]

        # The first border is drawn from the first few that leave room for m - 1 separators and at least m sentences.
        too_early = np.bincount(sample_E[positions[ends_E] < m - 1], minlength=len(first))
        choices = np.clip(ends_per_sample - m - too_early, 0, _STARTS)
        drawn = uniform(seeds_B, "start", length).reshape(-1)[bos_E[first]] * choices
        start_E = (too_early + drawn.astype(np.int64))[sample_E]
        last_E = (ends_per_sample - 1)[sample_E]
        used_E = (choices > 0)[sample_E]

        inner_E = used_E & (rank_E > start_E) & (rank_E < last_E)
        noise = uniform(seeds_B, "cut", length).reshape(-1)[ends_E[inner_E]]
        cuts = ends_E[inner_E][_lowest(noise, sample_E[inner_E], m - 1)]
        opens, closes = ends_E[used_E & (rank_E == start_E)], ends_E[used_E & (rank_E == last_E)]
        return np.column_stack([opens, np.sort(cuts).reshape(-1, m - 1), closes])


def sentence_ends(ids_BT: Ints, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Marks the last token of every sentence, with its closing quotes; knows no abbreviations.

    A full stop counts only before the start of a word: not in 3.14, and after 。 whatever follows.
    """
    ends_BT = vocabulary.sentence_end[ids_BT]
    closing_BT = vocabulary.closing[ids_BT]
    for _ in range(2):  # a stop, a quote and a bracket in pieces of their own
        ends_BT[:, 1:] |= closing_BT[:, 1:] & ends_BT[:, :-1]
    next_BT = np.full_like(ids_BT, vocabulary.specials.pad)
    next_BT[:, :-1] = ids_BT[:, 1:]
    at_word_BT = vocabulary.word_end[ids_BT] | vocabulary.word_start[next_BT]
    return ends_BT & at_word_BT & ~vocabulary.closing[next_BT]


def _lowest(noise_N: NDArray[np.float64], group_N: Ints, count: int) -> Ints:
    """Returns the indices of the `count` entries with the lowest noise in each group."""
    order = np.lexsort((noise_N, group_N))
    first, lengths = runs(group_N[order])
    return order[np.arange(len(order)) - np.repeat(first, lengths) < count]
