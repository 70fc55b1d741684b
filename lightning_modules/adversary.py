"""Adversarial training on embeddings: each micro-batch is read again with its embeddings moved to where it hurts.

Source: Miyato et al. 2017, arXiv:1605.07725, section 3: r = epsilon * g / |g|, with g the gradient of the loss by the
embeddings of a whole row, and the loss at the moved embeddings added to the loss. They norm the embeddings to a
variance of 1; here epsilon is measured in standard deviations of the embedding table instead, which is the same length.
Every micro-batch goes through the network twice, so a step costs about twice the time.
Shapes: B rows, T positions, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from data.config import Config
from lightning_modules.networks import Trunk


class AdversaryConfig(Config):
    """How far embeddings are moved, and what that counts."""

    epsilon: float = Field(1.0, gt=0.0)
    """Length of a row's perturbation over all its positions, in standard deviations of the embedding table."""
    weight: float = Field(1.0, gt=0.0)
    """Of the loss at the moved embeddings, beside 1 for that at the embeddings themselves."""


class Adversary:
    """Moves what the first layer of a trunk reads, by the gradients of the reading before."""

    def __init__(self, trunk: Trunk, config: AdversaryConfig) -> None:
        self.trunk, self.config = trunk, config
        self._mode: Literal["idle", "watching", "moving"] = "idle"
        self._read: list[Tensor] = []
        """What was read while watching, in order; the gradients lie in them after the backward."""
        trunk.model.register_forward_pre_hook(self._before_the_layers)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block the trunk reads a micro-batch as it is, and its loss is propagated back."""
        self._read = []
        with self._being("watching"):
            yield

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Within the block the trunk reads the same micro-batch with its embeddings moved."""
        with self._being("moving"):
            yield
        self._read = []

    @contextmanager
    def _being(self, mode: Literal["watching", "moving"]) -> Iterator[None]:
        self._mode = mode
        try:
            yield
        finally:
            self._mode = "idle"

    def _before_the_layers(self, stack: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self._mode == "idle":
            return None
        x_BTD, *rest = given
        if self._mode == "watching":
            # Frozen embeddings have no gradient by themselves.
            x_BTD = x_BTD if x_BTD.requires_grad else x_BTD.detach().requires_grad_()
            x_BTD.retain_grad()
            self._read.append(x_BTD)
            return (x_BTD, *rest)
        return (x_BTD + self.perturbation(self._read.pop(0)), *rest)

    @torch.no_grad()
    def perturbation(self, read_BTD: Tensor) -> Tensor:
        """Returns r (B, T, D) for embeddings that hold their gradient; 0 for rows that no loss depends on."""
        if read_BTD.grad is None:
            return torch.zeros_like(read_BTD)
        gradient_BTD, least = read_BTD.grad.float(), torch.finfo(torch.float32).tiny
        # Only its direction counts, and it may be tiny, as that of one row of many: its square would be 0.
        direction_BTD = gradient_BTD / gradient_BTD.abs().amax((1, 2), keepdim=True).clamp_min(least)
        length_B11 = direction_BTD.square().sum((1, 2), keepdim=True).sqrt().clamp_min(least)
        epsilon = self.config.epsilon * self.trunk.vocabulary_VD.float().std()
        return (epsilon * direction_BTD / length_B11).to(read_BTD.dtype)
