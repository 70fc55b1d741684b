"""How a network is run when it is scored, and the likelihood of tokens that its states predict."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.objectives.cross_entropy import CHUNK_LOGITS

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@contextlib.contextmanager
def inference(hardware: Hardware) -> Iterator[None]:
    """No gradients, and matrix products in the precision of the training."""
    autocast = (
        torch.autocast(hardware.accelerator, _DTYPES[hardware.precision])
        if hardware.precision in _DTYPES
        else contextlib.nullcontext()
    )
    with torch.inference_mode(), autocast:
        yield


def target_nll(trunk: Trunk, hidden_MD: Tensor, targets_M: Tensor) -> Tensor:
    """Returns -log p of each target (M,), in nats and fp32, a chunk of rows at a time."""
    step = max(1, CHUNK_LOGITS // trunk.config.vocab_size)
    return torch.cat(
        [
            F.cross_entropy(trunk.project(hidden).float(), targets, reduction="none")
            for hidden, targets in zip(hidden_MD.split(step), targets_M.split(step), strict=True)
        ]
    )
