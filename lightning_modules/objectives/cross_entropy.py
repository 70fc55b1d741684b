"""Cross-entropy against the vocabulary, in chunks of rows, so that no (tokens x vocabulary) tensor outlives its chunk.

The gradient is computed beside the loss, while a chunk's probabilities are at hand: three matrix products in all, as
in the plain form, and one chunk's memory. Shapes: M rows, D width, V vocabulary entries.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from data.config import Config
from lightning_modules.networks.precision import compute_dtype

CHUNK_LOGITS = 2**21
"""Logits of one chunk: 8 MiB in fp32, which stays in a processor's cache."""


class LabelSmoothing(Config):
    """Settings of objectives that predict tokens or classes."""

    label_smoothing: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of the target's mass that is spread over the vocabulary (Szegedy et al. 2016, arXiv:1512.00567)."""
    smoothing: Literal["uniform", "exclude_target"] = "uniform"
    """`uniform` spreads it over all V entries, as torch does; `exclude_target` over the V - 1 others, as fairseq."""

    def uniform_smoothing(self, vocab_size: int) -> float:
        """Returns the smoothing in torch's definition: the share spread over all entries, the target among them.

        Raises:
            ValueError: `exclude_target` leaves the target less than any other entry.
        """
        if self.smoothing == "uniform":
            return self.label_smoothing
        converted = self.label_smoothing * vocab_size / (vocab_size - 1)
        if converted > 1.0:
            raise ValueError(
                f"label_smoothing {self.label_smoothing:g} leaves the target less than each of the other "
                f"{vocab_size - 1} entries; choose at most {1 - 1 / vocab_size:g}"
            )
        return converted


class CrossEntropy(NamedTuple):
    """Sums over the rows, as fp32 scalars."""

    loss_sum: Tensor
    """With the smoothing; differentiable."""
    nll_sum: Tensor
    """Without it: what a perplexity may be computed from."""
    right: Tensor
    """Rows whose most probable entry is the target."""


def summed_cross_entropy(
    hidden_MD: Tensor, vocabulary_VD: Tensor, targets_M: Tensor, label_smoothing: float = 0.0
) -> CrossEntropy:
    """Equals `F.cross_entropy(hidden @ vocabulary.T, targets, reduction="sum")`, in value and gradient.

    Args:
        hidden_MD: states that predict.
        vocabulary_VD: one row for each entry.
        targets_M: the right entries.
        label_smoothing: in torch's (`uniform`) definition.
    """
    loss_sum, nll_sum, right = _ChunkedCrossEntropy.apply(
        hidden_MD, vocabulary_VD, targets_M, label_smoothing, torch.is_grad_enabled()
    )
    return CrossEntropy(loss_sum, nll_sum, right)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_MD: Tensor, vocabulary_VD: Tensor, targets_M: Tensor, smoothing: float, with_gradient: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows, entries = len(targets_M), len(vocabulary_VD)
        loss_sum, nll_sum, right = (hidden_MD.new_zeros((), dtype=torch.float32) for _ in range(3))
        table_VD = vocabulary_VD.to(compute_dtype(hidden_MD))
        hidden_learns, table_learns = (with_gradient and needed for needed in ctx.needs_input_grad[:2])
        grad_hidden_MD = torch.empty_like(hidden_MD) if hidden_learns else None
        grad_table_VD = torch.zeros_like(vocabulary_VD, dtype=torch.float32) if table_learns else None
        for start in range(0, rows, step := max(1, CHUNK_LOGITS // entries)):
            chunk = slice(start, start + step)
            hidden_CD, targets_C1 = hidden_MD[chunk].to(table_VD.dtype), targets_M[chunk].unsqueeze(1)
            logits_CV = (hidden_CD @ table_VD.T).float()
            peak_C1, best_C1 = logits_CV.max(dim=1, keepdim=True)
            logits_CV -= peak_C1
            target_sum = logits_CV.gather(1, targets_C1).sum()
            if smoothing:
                loss_sum += smoothing * (target_sum - logits_CV.mean(dim=1).sum())
            probabilities_CV = logits_CV.exp_()
            total_C1 = probabilities_CV.sum(dim=1, keepdim=True)
            log_total_sum = total_C1.log().sum()
            nll_sum += log_total_sum - target_sum
            loss_sum += log_total_sum - target_sum
            right += (best_C1 == targets_C1).sum()
            if not (hidden_learns or table_learns):
                continue
            grad_CV = probabilities_CV.div_(total_C1)
            if smoothing:
                grad_CV -= smoothing / entries
            grad_CV.scatter_add_(1, targets_C1, grad_CV.new_full(targets_C1.shape, smoothing - 1.0))
            grad_CV = grad_CV.to(table_VD.dtype)
            if grad_hidden_MD is not None:
                grad_hidden_MD[chunk] = grad_CV @ table_VD
            if grad_table_VD is not None:
                grad_table_VD += grad_CV.T @ hidden_CD
        ctx.save_for_backward(grad_hidden_MD, grad_table_VD)
        ctx.table_dtype = vocabulary_VD.dtype
        ctx.mark_non_differentiable(nll_sum, right)
        return loss_sum, nll_sum, right

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        grad_hidden_MD, grad_table_VD = ctx.saved_tensors
        to_hidden = None if grad_hidden_MD is None else grad_hidden_MD * grad
        to_table = None if grad_table_VD is None else (grad_table_VD * grad).to(ctx.table_dtype)
        return to_hidden, to_table, None, None, None
