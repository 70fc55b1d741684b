"""The backbone. Its description (`config`, `estimates`) needs no torch, so planning stays fast.

`Trunk` and `KVCache` are imported on first use.
"""

from typing import TYPE_CHECKING, Any

from lightning_modules.networks.config import PRESETS, ModelChoice, ModelConfig
from lightning_modules.networks.estimates import count_parameters, flops_per_token

if TYPE_CHECKING:
    from lightning_modules.networks.cache import KVCache
    from lightning_modules.networks.trunk import Trunk

__all__ = ["PRESETS", "KVCache", "ModelChoice", "ModelConfig", "Trunk", "count_parameters", "flops_per_token"]


def __getattr__(name: str) -> Any:
    if name == "Trunk":
        from lightning_modules.networks.trunk import Trunk

        return Trunk
    if name == "KVCache":
        from lightning_modules.networks.cache import KVCache

        return KVCache
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
