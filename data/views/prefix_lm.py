"""Conditional generation: `[bos] x [sep] y [eos]`, where x is read to both sides and y is predicted from left to right.

Source: Dong et al. 2019, arXiv:1905.03197 (sequence-to-sequence mask); loss on y and its end only, as equation 1 of
Hu et al. 2021, arXiv:2106.09685. Nothing stands between x and y but the separator, and padding follows eos.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import ExampleRows, padded
from data.views.base import View, Viewed, batch_seed, flat


class PrefixLMViewConfig(Config):
    """What `prefix_lm` reads: nothing to choose."""


class PrefixLMView(View[PrefixLMViewConfig]):
    """The state of the separator predicts the first token of y, that of y's last token predicts eos."""

    needs = "examples"

    def __call__(self, rows: ExampleRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        special = self.specials
        prompts = [np.concatenate([[special.bos], x, [special.sep]]) for x in rows.inputs]
        answers = [np.concatenate([y, [special.eos]]) for y in rows.targets]
        samples = [np.concatenate(pair) for pair in zip(prompts, answers, strict=True)]
        input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
        prompt_lengths_B1 = np.array([len(prompt) for prompt in prompts])[:, None]
        lengths_B1 = np.array([len(sample) for sample in samples])[:, None]
        columns_T = np.arange(input_ids_BT.shape[1])
        predict_M = np.flatnonzero((columns_T >= prompt_lengths_B1 - 1) & (columns_T < lengths_B1 - 1))
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention(
                "prefix",
                None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT),
                in_prefix_BT=torch.from_numpy(columns_T < prompt_lengths_B1),
            ),
            seed=batch_seed(seeds_B),
            predict_M=flat(predict_M),
            targets_M=flat(np.concatenate(answers)),
        )
        text_tokens = sum(map(len, rows.inputs)) + sum(map(len, rows.targets))
        return Viewed(batch, {"prefix_lm": len(predict_M)}, text_tokens)
