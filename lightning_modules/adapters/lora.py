"""Low-rank adaptation: W x becomes W x + (alpha / rank) B A x, and only A and B are trained.

Source: Hu et al. 2021, arXiv:2106.09685, section 4.1.
Shapes: I inputs and O outputs of a layer, R the rank: A is (R, I), B is (O, R).
"""

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lightning_modules.adapters.base import Adapter, MethodConfig, check_fit


class LoRAConfig(MethodConfig):
    """Settings of `lora`."""

    method: Literal["lora"] = "lora"
    rank: int = Field(8, gt=0)
    alpha: float = Field(16.0, gt=0.0)
    """The update is multiplied by alpha / rank, so a change of rank alone keeps its size."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of a layer's inputs zeroed on their way to A; the base layer sees them all."""
    targets: Literal["all"] | tuple[str, ...] = "all"
    """Last part of the names of the adapted layers, as 'q_proj'; 'all' adapts every linear layer of the trunk."""

    def build(self) -> "LoRA":
        """Returns the method."""
        return LoRA(self)


class LoRALinear(nn.Linear):
    """A linear layer that keeps its weight, frozen, under its name and adds a low-rank update."""

    def __init__(self, base: nn.Linear, config: LoRAConfig) -> None:
        super().__init__(base.in_features, base.out_features, bias=base.bias is not None, device="meta")
        self.weight, self.bias = base.weight, base.bias
        self.lora_A = nn.Parameter(base.weight.new_empty(config.rank, base.in_features))
        self.lora_B = nn.Parameter(base.weight.new_zeros(base.out_features, config.rank))
        # The bound 1 / sqrt(I), nn.Linear's own, as the authors' code draws it (the paper says Gaussian).
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scale = config.alpha / config.rank
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name in nn.Linear)
        """Returns the base layer's output plus the scaled update."""
        update = F.linear(F.linear(self.dropout(input), self.lora_A), self.lora_B)
        return super().forward(input) + self.scale * update

    def delta(self) -> Tensor:
        """Returns the (O, I) change of the weight in float32."""
        return self.scale * (self.lora_B.float() @ self.lora_A.float())


class LoRA(Adapter):
    """Injects and removes the low-rank updates of a trunk."""

    name: ClassVar[str] = "lora"
    replaces_trunk: ClassVar[bool] = False

    def __init__(self, config: LoRAConfig) -> None:
        self.config = config

    def apply(self, trunk: nn.Module) -> None:
        """Freezes the trunk and injects updates that start at exactly zero (B = 0).

        Raises:
            ValueError: a target names no linear layer of the trunk.
        """
        trunk.requires_grad_(False)
        layers = {name: module for name, module in trunk.named_modules() if isinstance(module, nn.Linear)}
        kinds = {name.rpartition(".")[2] for name in layers}
        targets = kinds if self.config.targets == "all" else set(self.config.targets)
        if unknown := targets - kinds:
            raise ValueError(
                f"lora targets {', '.join(sorted(unknown))} name no linear layer. Known: {', '.join(sorted(kinds))}"
            )
        for name, layer in layers.items():
            if name.rpartition(".")[2] in targets:
                trunk.set_submodule(name, LoRALinear(layer, self.config))

    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns every A and B."""
        updates = _updates(trunk)
        return {
            f"{name}.{part}": getattr(layer, part).detach()
            for name, layer in updates.items()
            for part in ("lora_A", "lora_B")
        }

    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Copies every A and B.

        Raises:
            ValueError: names or shapes are not those of this configuration.
        """
        own = self.state(trunk)
        check_fit(own, state, self.name)
        for key, tensor in own.items():
            tensor.copy_(state[key])

    @torch.no_grad()
    def merge(self, trunk: nn.Module) -> None:
        """Adds each update to its weight in float32, then casts: bfloat16 sums would lose small updates."""
        for name, layer in _updates(trunk).items():
            merged = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
            merged.weight, merged.bias = layer.weight, layer.bias
            merged.weight.copy_(layer.weight.float() + layer.delta())
            trunk.set_submodule(name, merged)

    @torch.no_grad()
    def unmerge(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Undoes `merge`: takes the updates in `state` out of the weights and injects them again."""
        self.apply(trunk)
        self.load(trunk, state)
        for layer in _updates(trunk).values():
            layer.weight.copy_(layer.weight.float() - layer.delta())


def _updates(trunk: nn.Module) -> dict[str, LoRALinear]:
    return {name: module for name, module in trunk.named_modules() if isinstance(module, LoRALinear)}
