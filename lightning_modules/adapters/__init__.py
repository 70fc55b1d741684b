"""Which part of the network a stage trains, and what of it is saved."""

from typing import Annotated

from pydantic import Field

from lightning_modules.adapters.base import Adapter
from lightning_modules.adapters.files import read_adapter, weights_sha256, write_adapter
from lightning_modules.adapters.full import Full, FullConfig
from lightning_modules.adapters.lora import LoRA, LoRAConfig

ADAPTERS: dict[str, type[Adapter]] = {
    "full": Full,
    "lora": LoRA,
}

AdapterConfig = Annotated[FullConfig | LoRAConfig, Field(discriminator="method")]

__all__ = [
    "ADAPTERS",
    "Adapter",
    "AdapterConfig",
    "FullConfig",
    "LoRAConfig",
    "read_adapter",
    "weights_sha256",
    "write_adapter",
]
