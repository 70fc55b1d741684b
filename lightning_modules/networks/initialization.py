"""First values of parameters, equal whatever else was built before."""

import hashlib
import math

import torch
from torch import nn

STANDARD_DEVIATION = 0.02
_INTO_RESIDUAL = ("o_proj.weight", "down_proj.weight", "experts.down_proj")


def initialize(module: nn.Module, seed: int, residual_layers: int | None = None) -> None:
    """Draws every parameter from a generator of its own, seeded by `seed` and the parameter's name.

    So a head more or less changes no other parameter. Matrices are normal with deviation 0.02, those that write into
    the residual stream (`o_proj`, `down_proj`) with 0.02 / sqrt(2 L) (Radford et al. 2019, section 2.3); biases are
    0, but 1 for the forget gates of an LSTM; other vectors, the norms' gains, are 1.

    Args:
        module: its parameters are overwritten.
        seed: of the run.
        residual_layers: L; None leaves those matrices at 0.02.
    """
    for name, parameter in module.named_parameters():
        if name.endswith(("bias", "bias_ih_l0", "bias_hh_l0")):
            nn.init.zeros_(parameter)
            if name.endswith("bias_ih_l0"):
                nn.init.ones_(parameter.detach().chunk(4)[1])
        elif parameter.dim() < 2:
            nn.init.ones_(parameter)
        else:
            deviation = STANDARD_DEVIATION
            if residual_layers is not None and name.endswith(_INTO_RESIDUAL):
                deviation /= math.sqrt(2 * residual_layers)
            digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
            with torch.no_grad():
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, deviation, generator=generator))
