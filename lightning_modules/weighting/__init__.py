"""The index of weightings: how the factors on top of the recipe's weights move during a stage."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from data.naming import look_up
from lightning_modules.weighting.base import Weighting
from lightning_modules.weighting.excess_loss import ExcessLoss, ExcessLossConfig
from lightning_modules.weighting.random import Random, RandomConfig
from lightning_modules.weighting.static import Static, StaticConfig

WEIGHTINGS: dict[str, type[Weighting[Any]]] = {
    "excess_loss": ExcessLoss,
    "random": Random,
    "static": Static,
}


def _method_exists(given: Any) -> Any:
    if isinstance(given, dict) and "method" in given:
        look_up("weighting method", str(given["method"]), WEIGHTINGS)
    return given


WeightingConfig = Annotated[
    StaticConfig | ExcessLossConfig | RandomConfig, Field(discriminator="method"), BeforeValidator(_method_exists)
]
"""Settings of any of `WEIGHTINGS`, told apart by `method`."""


def build_weighting(
    config: StaticConfig | ExcessLossConfig | RandomConfig, names: list[str], seed: int
) -> Weighting[Any]:
    """Returns the weighting that `config` describes, for the objectives called `names` in their stage."""
    return WEIGHTINGS[config.method](config, names, seed)


__all__ = [
    "WEIGHTINGS",
    "ExcessLossConfig",
    "RandomConfig",
    "StaticConfig",
    "Weighting",
    "WeightingConfig",
    "build_weighting",
]
