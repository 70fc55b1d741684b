"""What of a text a network's answer rests on: integrated gradients over the embeddings of its tokens.

Along the straight path from a baseline text to the text itself, the gradient of the answer's score with respect to each
embedding is summed up; what a token is given is the part of f(text) - f(baseline) that it brings about, so all of them
together must be that difference (completeness). Source: Sundararajan, Taly and Yan 2017, arXiv:1703.01365.

The path is sampled by Gauss and Legendre's rule, in the square root of the path's length: near the baseline, where the
embeddings are short, the norm before every layer turns fastest, and there the samples lie closest. Equal steps need
many times as many for the same error. Shapes: S steps, T positions, D width.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.batch import TokenBatch
from lightning_modules.networks import Trunk

_STEPS_AT_ONCE = 16


@dataclass(frozen=True)
class Attribution:
    """One answer, taken apart."""

    values_T: NDArray[np.float64]
    """What each position brings about, in the unit of the score."""
    score: float
    """Of the text."""
    baseline: float
    """The score of the baseline text."""

    @property
    def explained(self) -> float:
        """Sum of all positions; should be `score - baseline`."""
        return float(self.values_T.sum())


def integrated_gradients(
    trunk: Trunk,
    repeated: Callable[[int], TokenBatch],
    score: Callable[[TokenBatch], Tensor],
    baseline_ids_T: Tensor,
    steps: int = 64,
) -> Attribution:
    """Takes the answer to one text apart.

    Args:
        trunk: in evaluation mode; what reads its token table gets the path in its place.
        repeated: gives a batch of so many rows, all of them the text.
        score: of such a batch, the score of each row; nothing in it but the trunk may depend on the ids.
        baseline_ids_T: the text that stands for nothing; where it is the text's own token, nothing is attributed.
        steps: samples of the path.
    """
    text = repeated(1)
    table_VD = trunk.vocabulary_VD.detach().float()
    from_TD, to_TD = table_VD[baseline_ids_T], table_VD[text.input_ids_BT[0]]
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    roots = (nodes + 1) / 2  # u in (0, 1), with places on the path u^2 and dα = 2 u du
    gradient_TD = torch.zeros_like(to_TD)
    for first in range(0, steps, _STEPS_AT_ONCE):
        places = roots[first : first + _STEPS_AT_ONCE]
        scale = torch.tensor(weights[first : first + _STEPS_AT_ONCE] * places, dtype=torch.float32).to(to_TD.device)
        path_S = torch.tensor(places**2, dtype=torch.float32).to(to_TD.device)
        path_STD = (from_TD + path_S[:, None, None] * (to_TD - from_TD)).requires_grad_()
        with torch.enable_grad(), _read_instead(trunk, path_STD):
            total = (score(repeated(len(places))) * scale).sum()
        gradient_TD += torch.autograd.grad(total, path_STD)[0].sum(0)
    with torch.no_grad(), _read_instead(trunk, torch.stack([to_TD, from_TD])):
        ends = score(repeated(2)).tolist()
    values_T = ((to_TD - from_TD) * gradient_TD).sum(-1).double().cpu().numpy()
    return Attribution(values_T, ends[0], ends[1])


@contextlib.contextmanager
def _read_instead(trunk: Trunk, rows_STD: Tensor) -> Iterator[None]:
    """Has the trunk read these embeddings whatever its ids are."""
    hook = trunk.model.embed_tokens.register_forward_hook(lambda table, ids, looked_up: rows_STD)
    try:
        yield
    finally:
        hook.remove()
