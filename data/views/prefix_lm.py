"""Prefix language modelling: the beginning is read to both sides, the rest is predicted from left to right.

A labelled example is `[bos] x [sep] y [eos]`, with the loss on y and its end only, as equation 1 of Hu et al. 2021,
arXiv:2106.09685; nothing stands between x and y but the separator, and padding follows eos. Running text is cut at a
place drawn anew in every epoch, and the part before it is the prefix (Raffel et al. 2019, arXiv:1910.10683, section
3.2.3). Source of the mask: Dong et al. 2019, arXiv:1905.03197.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import TokenBatch
from data.config import Config
from data.example_rows import ExampleRows, padded
from data.packing import Ints, Windows
from data.views.base import View, Viewed, attention, batch_seed, flat
from data.views.noise import uniform


class PrefixLMViewConfig(Config):
    """What `prefix_lm` reads: nothing to choose."""


class PrefixLMView(View[PrefixLMViewConfig]):
    """The state of the prefix's last token (of an example, the separator) predicts the first token after it."""

    reads = frozenset({"windows", "examples"})

    def __call__(self, rows: Windows | ExampleRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the rows with their prefixes and the tokens after these."""
        if isinstance(rows, Windows):
            prefix_BT = _drawn_prefixes(rows, seeds_B)
        else:
            prefix_BT = np.array([[len(x) + 2] for x in rows.inputs])
            rows = self._joined(rows)
        predict_M = np.flatnonzero(rows.goes_on() & (rows.position_ids_BT >= prefix_BT - 1))
        in_prefix_BT = (rows.position_ids_BT < prefix_BT) & (rows.samples() >= 0)
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(rows.input_ids_BT),
            position_ids_BT=torch.from_numpy(rows.position_ids_BT),
            attention=replace(attention("prefix", rows), in_prefix_BT=torch.from_numpy(in_prefix_BT)),
            seed=batch_seed(seeds_B),
            predict_M=flat(predict_M),
            targets_M=flat(rows.input_ids_BT.reshape(-1)[predict_M + 1]),
        )
        text_tokens = int((~self.vocabulary.is_special[rows.input_ids_BT]).sum())
        return Viewed(batch, {"prefix_lm": len(predict_M)}, text_tokens)

    def _joined(self, rows: ExampleRows) -> Windows:
        special = self.specials
        samples = [
            np.concatenate([[special.bos], x, [special.sep], y, [special.eos]])
            for x, y in zip(rows.inputs, rows.targets, strict=True)
        ]
        return Windows(*padded(samples, special.pad))


def _drawn_prefixes(rows: Windows, seeds_B: NDArray[np.uint64]) -> Ints:
    """Returns the length of the prefix of each position's sample: anything from bos alone to all but the last token."""
    shape, starts = rows.input_ids_BT.shape, rows.starts()
    lengths = np.bincount(starts, minlength=len(starts))[starts]
    noise = uniform(seeds_B, "prefix", shape[1]).reshape(-1)[starts]
    return 1 + (noise * (lengths - 1)).astype(np.int64).reshape(shape)
