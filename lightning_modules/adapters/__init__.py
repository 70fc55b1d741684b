"""Which part of the network a stage trains, and what of it is saved."""

from lightning_modules.adapters.base import Adapter
from lightning_modules.adapters.choice import AdapterConfig
from lightning_modules.adapters.files import read_adapter, weights_sha256, write_adapter
from lightning_modules.adapters.full import Full, FullConfig
from lightning_modules.adapters.lora import LoRA, LoRAConfig
from lightning_modules.adapters.partial import Partial, PartialConfig
from lightning_modules.adapters.prefix import Prefix, PrefixConfig
from lightning_modules.adapters.prompt import Prompt, PromptConfig

ADAPTERS: dict[str, type[Adapter]] = {
    "full": Full,
    "lora": LoRA,
    "partial": Partial,
    "prefix": Prefix,
    "prompt": Prompt,
}

__all__ = [
    "ADAPTERS",
    "Adapter",
    "AdapterConfig",
    "FullConfig",
    "LoRAConfig",
    "PartialConfig",
    "PrefixConfig",
    "PromptConfig",
    "read_adapter",
    "weights_sha256",
    "write_adapter",
]
