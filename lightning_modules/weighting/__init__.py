"""The index of weightings: how the factors on top of the recipe's weights move during a stage."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from data.naming import look_up
from lightning_modules.weighting.base import Observation, Weighting
from lightning_modules.weighting.dwa import DWA, DWAConfig
from lightning_modules.weighting.excess_loss import ExcessLoss, ExcessLossConfig
from lightning_modules.weighting.famo import FAMO, FAMOConfig
from lightning_modules.weighting.gradnorm import GradNorm, GradNormConfig
from lightning_modules.weighting.loss_proportional import LossProportional, LossProportionalConfig
from lightning_modules.weighting.random import Random, RandomConfig
from lightning_modules.weighting.static import Static, StaticConfig
from lightning_modules.weighting.uncertainty import Uncertainty, UncertaintyConfig

WEIGHTINGS: dict[str, type[Weighting[Any]]] = {
    "dwa": DWA,
    "excess_loss": ExcessLoss,
    "famo": FAMO,
    "gradnorm": GradNorm,
    "loss_proportional": LossProportional,
    "random": Random,
    "static": Static,
    "uncertainty": Uncertainty,
}


def _method_exists(given: Any) -> Any:
    if isinstance(given, dict) and "method" in given:
        look_up("weighting method", str(given["method"]), WEIGHTINGS)
    return given


WeightingConfig = Annotated[
    DWAConfig
    | ExcessLossConfig
    | FAMOConfig
    | GradNormConfig
    | LossProportionalConfig
    | RandomConfig
    | StaticConfig
    | UncertaintyConfig,
    Field(discriminator="method"),
    BeforeValidator(_method_exists),
]
"""Settings of any of `WEIGHTINGS`, told apart by `method`."""


def build_weighting(config: WeightingConfig, names: list[str], seed: int) -> Weighting[Any]:
    """Returns the weighting that `config` describes, for the objectives called `names` in their stage.

    Raises:
        ValueError: the settings do not fit these objectives.
    """
    return WEIGHTINGS[config.method](config, names, seed)


__all__ = [
    "WEIGHTINGS",
    "Observation",
    "StaticConfig",
    "Weighting",
    "WeightingConfig",
    "build_weighting",
]
