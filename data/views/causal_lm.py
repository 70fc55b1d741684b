"""Causal language modelling: every state predicts the token after it, within its sample.

The last token of a sample predicts nothing: what follows it in the row belongs to another text.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import TokenBatch
from data.config import Config
from data.packing import Ints, Windows
from data.views.base import View, Viewed, attention, batch_seed, flat


class CausalLMViewConfig(Config):
    """What `causal_lm` reads."""

    direction: Literal["ltr", "rtl"] = "ltr"
    """`rtl` reverses the text of every sample; bos and eos stay where they are."""


class CausalLMView(View[CausalLMViewConfig]):
    """Leaves the rows as they are, or reverses their text."""

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows with, for every token but the last of a sample, the token after it."""
        is_text_BT = ~self.vocabulary.is_special[rows.input_ids_BT]
        input_ids_BT = rows.input_ids_BT if self.config.direction == "ltr" else _reversed(rows, is_text_BT)
        predict_M = np.flatnonzero(rows.goes_on())
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(rows.position_ids_BT),
            attention=attention("causal", rows),
            seed=batch_seed(seeds_B),
            predict_M=flat(predict_M),
            targets_M=flat(input_ids_BT.reshape(-1)[predict_M + 1]),
        )
        return Viewed(batch, {"causal_lm": len(predict_M)}, int(is_text_BT.sum()))


def _reversed(rows: Windows, is_text_BT: NDArray[np.bool_]) -> Ints:
    """Returns the ids with each sample's text, at its positions 1 to n, in the order n to 1."""
    place = np.flatnonzero(is_text_BT)
    position = rows.position_ids_BT.reshape(-1)[place]
    bos = place - position
    text_tokens = np.bincount(bos, minlength=is_text_BT.size)[bos]
    input_ids_BT = rows.input_ids_BT.copy()
    input_ids_BT.reshape(-1)[place] = rows.input_ids_BT.reshape(-1)[bos + text_tokens + 1 - position]
    return input_ids_BT
