"""Replaced-token detection: a generator fills the hidden tokens in, and every state says whether its token is real.

The view hides tokens for the generator; the objective samples from it and builds the discriminator's input, because
that needs weights. Source: Clark et al. 2020, arXiv:2003.10555, section 2.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from data.batch import TokenBatch
from data.packing import Windows
from data.views.base import Viewed, attention, batch_seed, flat
from data.views.masked_lm import predicting
from data.views.noise import uniform
from data.views.selection import SelectingView, SelectionConfig, select


class ReplacedTokenViewConfig(SelectionConfig):
    """What `replaced_token` reads."""

    mask_fraction: float = Field(0.85, ge=0.0, le=1.0)
    """Share of the selected tokens that the generator sees as the mask symbol; it sees the others as they are."""


class ReplacedTokenView(SelectingView[ReplacedTokenViewConfig]):
    """Hides tokens for the generator to fill in."""

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows as the generator sees them, with the originals."""
        is_text_BT = ~self.vocabulary.is_special[rows.input_ids_BT]
        selected_M = select(self.config, rows, is_text_BT, self.vocabulary, seeds_B)
        fate_M = uniform(seeds_B, "replace", self.context.sequence_length).reshape(-1)[selected_M]
        input_ids_BT = rows.input_ids_BT.copy()
        input_ids_BT.reshape(-1)[selected_M[fate_M < self.config.mask_fraction]] = self.specials.mask
        real_N = np.flatnonzero(is_text_BT)
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(rows.position_ids_BT),
            attention=attention("full", rows),
            seed=batch_seed(seeds_B),
            predict_M=flat(predicting(selected_M, self.context.alignment)),
            targets_M=flat(rows.input_ids_BT.reshape(-1)[selected_M]),
            original_ids_BT=torch.from_numpy(rows.input_ids_BT),
            corrupted_M=flat(selected_M),
            real_N=flat(real_N),
        )
        return Viewed(batch, {"generator": len(selected_M), "replaced_token": len(real_N)}, len(real_N))
