"""Next sentence: `[bos] A [sep] B [sep]`, where B goes on after A or is text of another document, each half the time.

Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1, with the classes of its code: 0 is the continuation, 1 the
other text. A sample is cut after one of its sentences; what follows is its own continuation and, to a sample of another
document, the other text. So both begin with a sentence. One drawn length, for which both have enough text, is kept of
whichever is shown. Everything but the text of B is settled before the class is drawn: neither lengths nor the place
where B breaks off can give it away. Topics can; telling them apart is what this objective teaches.

Shapes: B rows, T positions, E sentence ends in them, S samples kept.
"""

import numpy as np
from numpy.typing import NDArray

from data.config import Config
from data.packing import Ints, Windows
from data.views.base import View, Viewed
from data.views.noise import uniform
from data.views.segments import Segments, present
from data.views.sentence_order import sentence_ends

_SPECIALS = 3
"""Positions of a pair that carry no text: bos and two separators."""


class NextSentenceViewConfig(Config):
    """What `next_sentence` reads: nothing to choose."""


class NextSentenceView(View[NextSentenceViewConfig]):
    """Presents pairs of texts; the state of bos stands for the pair.

    Samples of a single sentence are left out, and so are all where the micro-batch has text of one document only.
    """

    min_rows = 2

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the pairs, each in the place that its first text has in its row."""
        starts, length = rows.starts(), rows.input_ids_BT.shape[1]
        is_text = ~self.vocabulary.is_special[rows.input_ids_BT.reshape(-1)]
        text, room = np.bincount(starts[is_text], minlength=len(starts)), np.bincount(starts, minlength=len(starts))
        cut_S = self._cuts(rows, room, seeds_B)
        pool_S = starts[cut_S]

        def noise_S(purpose: str) -> NDArray[np.float64]:
            return uniform(seeds_B, purpose, length).reshape(-1)[pool_S]

        other_S = of_other_documents(self._documents(rows, pool_S), noise_S("other text"))
        cut_S, pool_S = cut_S[: len(other_S)], pool_S[: len(other_S)]
        first_S = cut_S - pool_S
        after_S = text[pool_S] - first_S
        longest_S = np.minimum.reduce([after_S, after_S[other_S], room[pool_S] - first_S - _SPECIALS])
        second_S = longest_S - (noise_S("length") * (longest_S // 2 + 1)).astype(np.int64)
        labels_S = (noise_S("class") < 0.5).astype(np.int64)
        segments = Segments(
            pool_S,
            starts_SM=1 + np.column_stack([pool_S, np.where(labels_S == 1, cut_S[other_S], cut_S)]),
            lengths_SM=np.column_stack([first_S, second_S]),
        )
        batch = present(segments, rows, labels_S, seeds_B, closed=True)
        return Viewed(batch, {"next_sentence": len(pool_S)}, int(segments.lengths_SM.sum()))

    def _cuts(self, rows: Windows, room: Ints, seeds_B: NDArray[np.uint64]) -> Ints:
        """Returns the flattened position of one sentence end of each sample: not its last, with room for B after it.

        Args:
            room: positions of a sample, at its bos.
        """
        starts = rows.starts()
        ends_E = np.flatnonzero(sentence_ends(rows.input_ids_BT, self.vocabulary))
        bos_E = starts[ends_E]
        is_last_E = np.diff(bos_E, append=-1) != 0
        cuts = ends_E[~is_last_E & (ends_E - bos_E + _SPECIALS < room[bos_E])]
        pool_S, first_S, choices_S = np.unique(starts[cuts], return_index=True, return_counts=True)
        drawn_S = uniform(seeds_B, "cut", rows.input_ids_BT.shape[1]).reshape(-1)[pool_S] * choices_S
        cut_S: Ints = cuts[first_S + drawn_S.astype(np.int64)]
        return cut_S

    def _documents(self, rows: Windows, pool_S: Ints) -> Ints:
        """Returns the number of each sample's document."""
        sample_S = np.searchsorted(np.flatnonzero(rows.input_ids_BT == self.specials.bos), pool_S)
        return sample_S if rows.documents_S is None else rows.documents_S[sample_S]


def of_other_documents(documents_S: Ints, noise_S: NDArray[np.float64]) -> Ints:
    """Returns for each sample one of another document, all of those being equally likely; none if there are none."""
    order_S = np.argsort(documents_S, kind="stable")
    _, first, document_S, sizes = np.unique(
        documents_S[order_S], return_index=True, return_inverse=True, return_counts=True
    )
    if len(sizes) < 2:
        return order_S[:0]
    first_S, size_S = first[document_S], sizes[document_S]
    drawn_S = (noise_S[order_S] * (len(order_S) - size_S)).astype(np.int64)
    drawn_S += np.where(drawn_S >= first_S, size_S, 0)  # steps over the samples of its own document
    other_S = np.empty_like(order_S)
    other_S[order_S] = order_S[drawn_S]
    return other_S
