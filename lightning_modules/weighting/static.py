"""The recipe's weights and nothing else: the control that every other weighting has to beat."""

from typing import Literal

from data.config import Config
from lightning_modules.weighting.base import Observation, Weighting


class StaticConfig(Config):
    """Settings of `static`."""

    method: Literal["static"] = "static"


class Static(Weighting[StaticConfig]):
    """Every factor stays 1."""

    def observe(self, step: int, observation: Observation) -> None:
        """Changes nothing."""
