"""The trunk's parameters under the names that a class of transformers gives them in its files.

Most names are our own. Only a mixture of experts is written expert by expert, as in Mixtral's published files, which
readers other than transformers expect too; transformers joins them into tensors such as ours when it loads.
Shapes: D width, E experts, I width inside one.
"""

from __future__ import annotations

from torch import Tensor

from lightning_modules.export.targets import Target
from lightning_modules.networks import Trunk

_TRUNK_PREFIX = "model."
"""Of the parameters that every target has; what lies outside (segments, ...) are tables that none has."""


def named_parameters(trunk: Trunk, target: Target) -> dict[str, Tensor]:
    """Returns name in a file of `target` -> parameter or part of one, as a view: to fill it is to fill the trunk."""
    own = {
        target.prefix + name.removeprefix(_TRUNK_PREFIX): tensor
        for name, tensor in trunk.state_dict().items()
        if name.startswith(_TRUNK_PREFIX)
    }
    return {part: view for name, tensor in own.items() for part, view in _parts(name, tensor).items()}


def _parts(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Splits (E, 2I, D) into gates (w1) and ups (w3) of (I, D), and (E, D, I) into downs (w2) of (D, I)."""
    layer, mixture, rest = name.partition(".mlp.experts.")
    if not mixture:
        return {name.replace(".mlp.gate.", ".block_sparse_moe.gate."): tensor}
    kinds = {"gate_up_proj": ("w1", "w3"), "down_proj": ("w2",)}[rest]
    return {
        f"{layer}.block_sparse_moe.experts.{index}.{kind}.weight": part
        for index, expert in enumerate(tensor.unbind())
        for kind, part in zip(kinds, expert.chunk(len(kinds)), strict=True)
    }
