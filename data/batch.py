"""What a view hands to an objective, and what a loader hands to Lightning.

Shapes: B rows, T positions of a row, M positions whose state predicts a token, S samples with a pooled state, K of
something that an objective asks of each.
A *sample* is what may attend to itself: a document window, a sentence pair, a prompt with its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from torch import Tensor

AttentionMode = Literal["causal", "full", "prefix"]


@dataclass(frozen=True)
class Attention:
    """Which positions of a row see each other; one mode for the whole micro-batch."""

    mode: AttentionMode
    sample_ids_BT: Tensor | None = None
    """int64; positions see only positions of the same id. None: each row is one sample without padding, so no mask
    tensor is needed. Padding carries -1: it sees only padding, and nothing real sees it."""
    in_prefix_BT: Tensor | None = None
    """bool; with mode `prefix`, positions that their whole sample sees. All others are seen causally."""


@dataclass(frozen=True)
class TokenBatch:
    """One micro-batch of one objective. Fields that an objective does not read stay None."""

    input_ids_BT: Tensor
    """int64, as the trunk reads them (for masked objectives: after the corruption)."""
    position_ids_BT: Tensor
    """int64, from 0 in every sample."""
    attention: Attention
    seed: int
    """For what an objective draws itself (a generator's samples): equal after a resume, different in every epoch."""
    predict_M: Tensor | None = None
    """int64 indices into the flattened (B, T) positions whose state predicts `targets_M`."""
    targets_M: Tensor | None = None
    """int64 token ids; tags where `tagging` predicts them."""
    original_ids_BT: Tensor | None = None
    """int64 ids before any corruption, where an objective compares with them (`replaced_token`)."""
    corrupted_M: Tensor | None = None
    """int64 flattened positions that were selected for corruption; they differ from `predict_M` when shifted."""
    real_N: Tensor | None = None
    """int64 flattened positions that carry text: neither padding nor specials."""
    segment_ids_BT: Tensor | None = None
    """int64; 0 is the first segment. Segments never mask."""
    span_position_ids_BT: Tensor | None = None
    """int64; the place within a span that is filled in, from 1; 0 outside of spans (`blank_infilling`)."""
    pool_S: Tensor | None = None
    """int64 flattened positions whose state stands for a sample."""
    labels_S: Tensor | None = None
    """int64 class of each pooled sample."""
    labels_SK: Tensor | None = None
    """int64; what an objective asks of each sample that has several parts: whether it has each class (`multi_label`),
    the columns where its answer starts and ends (`span`), what each document is to each query (`retrieval`)."""

    @property
    def positions(self) -> int:
        """Positions through the trunk, padding included: the unit of `tokens` on every axis."""
        return self.input_ids_BT.numel()

    def to(self, device: torch.device | str) -> TokenBatch:
        """Returns the batch with every tensor on `device`."""
        moved: dict[str, Any] = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        attention = Attention(
            self.attention.mode,
            None if self.attention.sample_ids_BT is None else self.attention.sample_ids_BT.to(device),
            None if self.attention.in_prefix_BT is None else self.attention.in_prefix_BT.to(device),
        )
        return replace(self, attention=attention, **moved)


@dataclass(frozen=True)
class MicroBatch:
    """A batch with the name, in its stage, of the objective it feeds."""

    objective: str
    batch: TokenBatch
    counts: dict[str, int]
    """Term of the objective -> number of units its loss is summed over; the view knows them before the forward."""
    text_tokens: int
    """Corpus tokens among the positions: neither padding nor specials."""


@dataclass(frozen=True)
class StepBatch:
    """One whole optimizer step of one rank."""

    step: int
    """0-based within the stage."""
    micro_batches: list[MicroBatch]

    @property
    def positions(self) -> int:
        """Positions through the trunk of this rank in this step."""
        return sum(micro.batch.positions for micro in self.micro_batches)
