"""Which tokens a masked objective hides: single ones, words, or spans of them.

Whatever the selection, tokens are first put into groups (a token, a word, or a span of so many tokens or words) that
share one random number. Spans tile their sample as if it were a ring, so that no token is likelier to be hidden than
another; the one across the end is a shorter span at either end.

Shapes: B rows, T positions, N text tokens, W words (or tokens, where words do not matter), M selected tokens.
"""

from typing import Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from data.config import Config
from data.packing import Ints, Windows, ranges, runs
from data.views.base import View
from data.views.noise import uniform
from data.vocabulary import Vocabulary

_NGRAM_MAX = 3
"""Longest n-gram, as in ALBERT."""


class SelectionConfig(Config):
    """Which tokens are hidden. Specials and padding never are."""

    rate: float = Field(0.15, gt=0.0, lt=1.0)
    """Share of the text's tokens."""
    final_rate: float | None = Field(None, gt=0.0, lt=1.0)
    """Share at the end of the stage and in validation, reached from `rate` in a straight line (Charpentier and Samuel
    2024, arXiv:2410.24159: from 0.3 to 0.15). None: the rate stays as it is."""
    selection: Literal["bernoulli", "exact", "with_replacement", "span", "ngram"] = "bernoulli"
    """`bernoulli`: each token (or word) on its own with probability `rate`. The others take the rounded share of every
    sample, at least one token. `exact`: single tokens (or words). `with_replacement`: as many draws, of which some hit
    a token again, so fewer are hidden (Clark et al. 2020, arXiv:2003.10555, in its code). `span`: runs of tokens (or
    words). `ngram`: runs of 1, 2 or 3 with probability proportional to 1/n (Lan et al. 2020, arXiv:1909.11942)."""
    whole_word: bool = False
    """Select words with all their pieces; a Chinese or Japanese piece is a word."""
    span_lengths: Literal["geometric", "poisson", "uniform"] = "geometric"
    """How the lengths of `span` are distributed over 1 to `span_max`."""
    span_mean: float = Field(5.0, ge=1.0)
    """Mean of the geometric or Poisson distribution before it is cut off at `span_max`: 5 in SpanBERT (geometric,
    arXiv:1907.10529), 3 in GLM (Poisson, arXiv:2103.10360)."""
    span_max: int = Field(10, ge=1)
    """Longest span, in tokens (or words): 10 in SpanBERT, 3 with uniform lengths in GPT-BERT."""

    @model_validator(mode="after")
    def _draws_are_of_tokens(self) -> Self:
        if self.selection == "with_replacement" and self.whole_word:
            raise ValueError(
                "selection with_replacement draws single tokens, not words: leave whole_word out, or select exact, "
                "span or ngram"
            )
        return self

    def at(self, progress: float) -> Self:
        """Returns the settings after this part of the stage, from 0 to 1."""
        if self.final_rate is None:
            return self
        rate = self.rate + progress * (self.final_rate - self.rate)
        return self.model_copy(update={"rate": rate, "final_rate": None})

    def span_probabilities(self) -> NDArray[np.float64]:
        """Returns the probability of a span of 1, 2, ... tokens (or words)."""
        lengths = np.arange(1.0, 1 + (_NGRAM_MAX if self.selection == "ngram" else self.span_max))
        if self.selection == "ngram":
            weights = 1.0 / lengths
        elif self.span_lengths == "uniform":
            weights = np.ones(len(lengths))
        elif self.span_lengths == "geometric":
            weights = (1.0 - 1.0 / self.span_mean) ** (lengths - 1)
        else:
            weights = np.exp(lengths * np.log(self.span_mean) - np.cumsum(np.log(lengths)))
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities


SelectionT = TypeVar("SelectionT", bound=SelectionConfig)


class SelectingView(View[SelectionT]):
    """A view whose rate may move during the stage."""

    def at(self, progress: float) -> Self:
        config = self.config.at(progress)
        return self if config is self.config else type(self)(config, self.context)


def select(
    config: SelectionConfig,
    rows: Windows,
    is_text_BT: NDArray[np.bool_],
    vocabulary: Vocabulary,
    seeds_B: NDArray[np.uint64],
) -> Ints:
    """Returns the flattened positions to hide, ascending."""
    place_N = np.flatnonzero(is_text_BT)
    sample_N = rows.starts()[place_N]
    if config.whole_word:
        ids = rows.input_ids_BT.reshape(-1)
        opens_N = vocabulary.word_start[ids[place_N]] | vocabulary.word_end[ids[place_N - 1]]
    else:
        opens_N = np.ones(len(place_N), dtype=bool)
    word_N, place_W = np.cumsum(opens_N) - 1, place_N[opens_N]

    def noise(purpose: str, place: Ints) -> NDArray[np.float64]:
        return uniform(seeds_B, purpose, is_text_BT.shape[1]).reshape(-1)[place]

    if config.selection in ("span", "ngram"):
        lengths_W = draw_lengths(config.span_probabilities(), noise("span length", place_W))
        turned_W, span_W = tile(lengths_W, sample_N[opens_N], noise("span start", place_W))
        noise_N, word_N = noise("select", place_W[span_W])[word_N], turned_W[word_N]
    else:
        noise_N = noise("select", place_W)[word_N]
    if config.selection == "bernoulli":
        chosen_N = noise_N < config.rate
    elif config.selection == "with_replacement":
        chosen_N = _drawn(config.rate, noise_N, sample_N)
    else:
        chosen_N = _lowest(config.rate, noise_N, word_N, sample_N)
    selected_M: Ints = place_N[chosen_N]
    return selected_M


def draw_lengths(probabilities: NDArray[np.float64], noise_W: NDArray[np.float64]) -> Ints:
    """Returns one length for each noise, where `probabilities` are those of 1, 2, ..."""
    return 1 + np.searchsorted(np.cumsum(probabilities)[:-1], noise_W, side="right")


def tile(lengths_W: Ints, sample_W: Ints, noise_W: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Tiles each sample, joined to a ring, with spans from a drawn word on.

    Args:
        lengths_W: the k-th span of a sample has the length of the sample's k-th entry; the last is cut where the first
            begins.
        sample_W: the sample of each word, ascending.
        noise_W: what each sample's first word has here draws the word that the first span begins with.

    Returns:
        For each word its number if that word came first in its sample; and a number that it shares with the words of
        its span and no others, one of the numbers of its sample.
    """
    first, sizes = runs(sample_W)
    first_W, size_W, ring_W = np.repeat(first, sizes), np.repeat(sizes, sizes), np.arange(len(sample_W))
    turn_W = (noise_W[first_W] * size_W).astype(np.int64)
    turned_W = first_W + (ring_W - first_W + turn_W) % size_W
    before_W = np.cumsum(lengths_W) - lengths_W
    start_W = first_W + before_W - before_W[first_W]
    opens_W = np.zeros(len(ring_W), dtype=bool)
    opens_W[start_W[start_W < first_W + size_W]] = True
    opener_W = np.maximum.accumulate(np.where(opens_W, ring_W, 0))
    return turned_W, opener_W[turned_W]


def _drawn(rate: float, noise_N: NDArray[np.float64], sample_N: Ints) -> NDArray[np.bool_]:
    """Marks what each sample's budget of draws hits; the k-th draw is the noise at the sample's k-th token."""
    first, sizes = runs(sample_N)
    draws = _budget(rate, sizes)
    drawn = noise_N[ranges(first, draws)] * np.repeat(sizes, draws)
    chosen_N = np.zeros(len(noise_N), dtype=bool)
    chosen_N[np.repeat(first, draws) + drawn.astype(np.int64)] = True
    return chosen_N


def _lowest(rate: float, noise_N: NDArray[np.float64], word_N: Ints, sample_N: Ints) -> NDArray[np.bool_]:
    """Marks, in each sample, the words of lowest noise that fit its budget, and the lowest in any case.

    Noise is equal within a word; where it is equal within a span, the span that exceeds the budget is cut at a word.
    """
    order = np.lexsort((word_N, noise_N, sample_N))
    first, sizes = runs(sample_N[order])
    rank = np.arange(len(order)) - np.repeat(first, sizes)
    word_first, word_sizes = runs(word_N[order])
    opens = np.repeat(rank[word_first], word_sizes)
    budget = np.repeat(_budget(rate, sizes), sizes)
    fits = (opens + np.repeat(word_sizes, word_sizes) <= budget) | (opens == 0)
    chosen_N = np.empty(len(order), dtype=bool)
    chosen_N[order] = fits
    return chosen_N


def _budget(rate: float, sizes: Ints) -> Ints:
    """Returns how many tokens of each sample are hidden."""
    budget: Ints = np.maximum(1, np.rint(sizes * rate)).astype(np.int64)
    return budget
