"""Masked language modelling: hide part of the tokens and predict them from both sides.

Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1; the shifted form is the masked next-token prediction of
Charpentier and Samuel 2024, arXiv:2410.24159, section 2.
"""

from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from data.batch import TokenBatch
from data.config import Config
from data.packing import Ints, Windows
from data.views.base import Alignment, View, Viewed, attention, batch_seed, flat
from data.views.noise import uniform
from data.vocabulary import Vocabulary


class SelectionConfig(Config):
    """Which tokens are hidden. Specials and padding never are."""

    rate: float = Field(0.15, gt=0.0, lt=1.0)
    """Share of the text's tokens."""
    selection: Literal["bernoulli", "exact"] = "bernoulli"
    """`bernoulli`: each token (or word) on its own with probability `rate`. `exact`: the rounded share of every sample,
    at least one token."""
    whole_word: bool = False
    """Select words with all their pieces; a Chinese or Japanese piece is a word."""


class MaskedLMViewConfig(SelectionConfig):
    """What `masked_lm` reads."""

    mask_fraction: float = Field(0.8, ge=0.0, le=1.0)
    """Share of the selected tokens that become the mask symbol."""
    random_fraction: float = Field(0.1, ge=0.0, le=1.0)
    """Share of the selected tokens that become another, random token. What is left keeps its token and is predicted
    all the same."""

    @model_validator(mode="after")
    def _fractions_fit(self) -> Self:
        if self.mask_fraction + self.random_fraction > 1.0 + 1e-9:
            raise ValueError(
                f"mask_fraction {self.mask_fraction:g} and random_fraction {self.random_fraction:g} are shares of the "
                "same tokens: together at most 1"
            )
        return self


class MaskedLMView(View[MaskedLMViewConfig]):
    """Hides tokens, and leaves word of which they were."""

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the corrupted rows with the hidden tokens."""
        is_text_BT = ~self.vocabulary.is_special[rows.input_ids_BT]
        selected_M = select(self.config, rows, is_text_BT, self.vocabulary, seeds_B)
        original_M = rows.input_ids_BT.reshape(-1)[selected_M]
        length = self.context.sequence_length
        fate_M = uniform(seeds_B, "replace", length).reshape(-1)[selected_M]
        ordinary = np.flatnonzero(~self.vocabulary.is_special)
        drawn_M = uniform(seeds_B, "random token", length).reshape(-1)[selected_M]
        random_M = ordinary[(drawn_M * len(ordinary)).astype(np.int64)]
        masked = self.config.mask_fraction
        corrupted_M = np.where(
            fate_M < masked,
            self.specials.mask,
            np.where(fate_M < masked + self.config.random_fraction, random_M, original_M),
        )
        input_ids_BT = rows.input_ids_BT.copy()
        input_ids_BT.reshape(-1)[selected_M] = corrupted_M
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(rows.position_ids_BT),
            attention=attention("full", rows),
            seed=batch_seed(seeds_B),
            predict_M=flat(predicting(selected_M, self.context.alignment)),
            targets_M=flat(original_M),
        )
        return Viewed(batch, {"masked_lm": len(selected_M)}, int(is_text_BT.sum()))


def predicting(hidden_M: Ints, alignment: Alignment) -> Ints:
    """Returns the positions whose state predicts the tokens at `hidden_M`.

    Every sample starts with bos, which is never hidden, so the position before a hidden one is of the same sample.
    """
    return hidden_M - 1 if alignment == "shifted" else hidden_M


def select(
    config: SelectionConfig,
    rows: Windows,
    is_text_BT: NDArray[np.bool_],
    vocabulary: Vocabulary,
    seeds_B: NDArray[np.uint64],
) -> Ints:
    """Returns the flattened positions to hide, ascending."""
    place = np.flatnonzero(is_text_BT)
    if config.whole_word:
        ids = rows.input_ids_BT.reshape(-1)
        starts_word = vocabulary.word_start[ids[place]] | vocabulary.word_end[ids[place - 1]]
    else:
        starts_word = np.ones(len(place), dtype=bool)
    word = np.cumsum(starts_word) - 1
    noise = uniform(seeds_B, "select", is_text_BT.shape[1]).reshape(-1)[place[starts_word]][word]
    if config.selection == "bernoulli":
        chosen = noise < config.rate
    else:
        chosen = _lowest(config.rate, noise, word, sample=place - rows.position_ids_BT.reshape(-1)[place])
    selected: Ints = place[chosen]
    return selected


def _lowest(rate: float, noise: NDArray[np.float64], word: Ints, sample: Ints) -> NDArray[np.bool_]:
    """Marks, in each sample, the words of lowest noise that fit its budget, and the lowest in any case.

    `noise`, `word` and `sample` have one entry a text position; noise is equal within a word.
    """
    order = np.lexsort((word, noise, sample))
    first = np.flatnonzero(np.diff(sample[order], prepend=-1))
    sizes = np.diff(first, append=len(order))
    rank = np.arange(len(order)) - np.repeat(first, sizes)
    budget = np.repeat(np.maximum(1, np.rint(sizes * rate)), sizes)
    word_first = np.flatnonzero(np.diff(word[order], prepend=-1))
    word_sizes = np.diff(word_first, append=len(order))
    opens = np.repeat(rank[word_first], word_sizes)
    fits = (opens + np.repeat(word_sizes, word_sizes) <= budget) | (opens == 0)
    selected = np.empty(len(order), dtype=bool)
    selected[order] = fits
    return selected
