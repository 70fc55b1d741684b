"""Masked language modelling: hide part of the tokens and predict them from both sides.

Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1; the shifted form is the masked next-token prediction of
Charpentier and Samuel 2024, arXiv:2410.24159, section 2.
"""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from data.batch import TokenBatch
from data.packing import Ints, Windows
from data.views.base import Alignment, Viewed, attention, batch_seed, flat
from data.views.noise import uniform
from data.views.selection import SelectingView, SelectionConfig, select


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


class MaskedLMView(SelectingView[MaskedLMViewConfig]):
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
