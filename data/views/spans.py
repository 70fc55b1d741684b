"""Which stretches of a text `blank_infilling` hides: a few tokens each, whole sentences, or one long stretch.

A hidden span takes two positions more than its tokens do: its mask, and its start or its end. A sample keeps the place
it has in its row, so its first tokens make room: they are gone before anything is chosen, and what is left reads like a
window that starts a little later in the document.

Source: Du et al. 2022, arXiv:2103.10360, section 2.1; lengths and places are drawn as in the paper's released code.
Shapes: S samples, K spans drawn for each, E sentence ends, F spans hidden in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.packing import Ints, ranges

Draw = Callable[[str], NDArray[np.float64]]
"""Purpose -> noise of [0, 1), one value for each flattened position of the rows."""
LONGEST_SPAN = 39
"""Tokens, of a span of the token level."""
_SUMS = np.cumsum([3.0**length / math.factorial(length) for length in range(1, LONGEST_SPAN + 1)])
_CUMULATIVE = _SUMS / _SUMS[-1]
"""Of the lengths: Poisson's distribution with parameter 3, without 0 and what is above 39."""
MEAN_SPAN = LONGEST_SPAN - float(_CUMULATIVE[:-1].sum())
"""Tokens, of a span of the token level: 3.157."""


class Texts(NamedTuple):
    """The samples in which to hide spans, each of three tokens or more."""

    bos_S: Ints
    """Flattened position of the bos of each sample, ascending."""
    tokens_S: Ints
    """Tokens of its text, which follow bos."""

    def where(self, chosen_S: NDArray[np.bool_]) -> Texts:
        """Returns some of the samples."""
        return Texts(self.bos_S[chosen_S], self.tokens_S[chosen_S])


class Spans(NamedTuple):
    """What is hidden. A sample without a span has no entry."""

    starts_F: Ints
    """Flattened position of each span's first token."""
    lengths_F: Ints
    bos_F: Ints
    """Flattened position of the bos of its sample."""
    kept_F: Ints
    """Flattened position of the first token that its sample keeps."""


def token_spans(texts: Texts, rate: float, draw: Draw) -> Spans:
    """Draws spans until they hold the share `rate` of the text, rounded down, and one at least; no two of them touch.

    The text is as long as its spans leave room for; one token more may ask for another span, so up to two positions of
    a sample stay empty. A span that is longer than a short text is cut to it.
    """
    tokens_S, lengths_SK = _lengths(texts, rate, draw)
    used_SK, count_S = lengths_SK > 0, np.count_nonzero(lengths_SK, axis=1)
    place_SK = texts.bos_S[:, None] + np.arange(lengths_SK.shape[1])
    # The span drawn last is longer than most: its place must not give that away.
    order_SK = np.argsort(np.where(used_SK, _at(place_SK, draw("span order")), 1.0), axis=1, kind="stable")
    lengths_SK = np.take_along_axis(lengths_SK, order_SK, axis=1)

    loose_S1 = (tokens_S - lengths_SK.sum(axis=1) - (count_S - 1))[:, None]  # visible, and not between two spans alone
    gaps_SK = (_at(place_SK, draw("span place")) * (loose_S1 + 1)).astype(np.int64)
    gaps_SK = np.sort(np.where(used_SK, gaps_SK, loose_S1), axis=1)
    kept_S = texts.bos_S + 1 + texts.tokens_S - tokens_S
    starts_SK = kept_S[:, None] + gaps_SK + np.cumsum(lengths_SK + 1, axis=1) - (lengths_SK + 1)
    bos_F, kept_F = np.repeat(texts.bos_S, count_S), np.repeat(kept_S, count_S)
    return Spans(starts_SK[used_SK], lengths_SK[used_SK], bos_F, kept_F)


def _lengths(texts: Texts, rate: float, draw: Draw) -> tuple[Ints, Ints]:
    """Returns the tokens that each text keeps, and (S, K) the lengths of its spans in the order drawn, then zeros."""
    budgets = np.maximum(1, _share(rate, np.arange(texts.tokens_S.max(initial=0) + 1)))
    number_K = np.arange(budgets[-1])
    noise_SK = _at(texts.bos_S[:, None] + number_K, draw("span length"))
    lengths_SK = 1 + np.searchsorted(_CUMULATIVE, noise_SK, side="right")
    covered_SK = np.cumsum(lengths_SK, axis=1)
    suffice_SK = np.searchsorted(budgets, covered_SK, side="right") - 1  # for a text of so many tokens
    tokens_S = np.minimum(suffice_SK, texts.tokens_S[:, None] - 2 * (number_K + 1)).max(axis=1)
    last_S1 = np.sum(covered_SK < budgets[tokens_S, None], axis=1, keepdims=True)
    longest_SK = tokens_S[:, None] - (covered_SK - lengths_SK) - number_K  # beside those before, and one token between
    return tokens_S, np.where(number_K <= last_S1, np.minimum(lengths_SK, longest_SK), 0)


def sentence_spans(texts: Texts, rate: float, ends_N: NDArray[np.bool_], draw: Draw) -> Spans:
    """Draws whole sentences until they hold the share `rate` of the text, rounded down, and one at least.

    What comes before the first end of a sentence may be half a sentence; it is never hidden, and neither is a sentence
    that has to make room. Neighbours may be hidden both, each as a span of its own. A text without a whole sentence is
    left out.

    Args:
        texts: the samples.
        rate: share of the text's tokens.
        ends_N: marks the last token of every sentence, over the flattened positions of the rows.
        draw: noise.
    """
    position, sample = ranges(texts.bos_S + 1, texts.tokens_S), np.repeat(np.arange(len(texts.bos_S)), texts.tokens_S)
    ends_E, sample_E = position[ends_N[position]], sample[ends_N[position]]
    starts_F, ends_F, sample_F = ends_E[:-1] + 1, ends_E[1:], sample_E[1:]
    whole_F = (sample_E[:-1] == sample_F) & (starts_F > texts.bos_S[sample_F] + 2)  # two tokens make room in any case
    starts_F, ends_F, sample_F = starts_F[whole_F], ends_F[whole_F], sample_F[whole_F]

    order = np.lexsort((draw("sentence")[ends_F], sample_F))
    starts_F, lengths_F, sample_F = starts_F[order], (ends_F - starts_F + 1)[order], sample_F[order]
    first_F = np.searchsorted(sample_F, sample_F)
    number_F = np.arange(len(first_F)) - first_F
    before_F = np.cumsum(lengths_F) - lengths_F
    before_F -= before_F[first_F]
    drawn_F = (number_F == 0) | (before_F < _share(rate, texts.tokens_S[sample_F] - 2 * number_F))

    def room(hidden_F: NDArray[np.bool_]) -> Ints:
        needed: Ints = 2 * np.bincount(sample_F[hidden_F], minlength=len(texts.bos_S))[sample_F]
        return needed

    hidden_F = drawn_F & (starts_F > texts.bos_S[sample_F] + room(drawn_F))  # the others have to make room
    bos_F = texts.bos_S[sample_F]
    spans = Spans(starts_F, lengths_F, bos_F, bos_F + 1 + room(hidden_F))
    return Spans(*(values_F[hidden_F] for values_F in spans))


def document_spans(texts: Texts, draw: Draw) -> Spans:
    """Draws one span of half of the text to all of it, anywhere in the text."""
    kept_S, tokens_S = texts.bos_S + 3, texts.tokens_S - 2
    shortest_S = -(-tokens_S // 2)
    lengths_S = shortest_S + (draw("stretch length")[texts.bos_S] * (tokens_S - shortest_S + 1)).astype(np.int64)
    skipped_S = (draw("stretch place")[texts.bos_S] * (tokens_S - lengths_S + 1)).astype(np.int64)
    return Spans(kept_S + skipped_S, lengths_S, texts.bos_S, kept_S)


def _share(rate: float, tokens: Ints) -> Ints:
    """Returns a share of the tokens, rounded down: 29 of 100 for 0.29, though the product is a little less."""
    share: Ints = np.floor(rate * tokens + 1e-9).astype(np.int64)
    return share


def _at(place_SK: Ints, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the noise of each place; places beyond the rows belong to spans that no sample takes."""
    taken: NDArray[np.float64] = noise.take(place_SK, mode="clip")
    return taken
