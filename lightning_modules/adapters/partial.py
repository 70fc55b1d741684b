"""Partial fine-tuning: the embeddings and the lower layers stay, the upper layers are trained, or the heads alone.

Source: Howard and Ruder 2018, arXiv:1801.06146, section 3.3, who thaw a network from the top down; lower layers hold
what is of use to every task.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from lightning_modules.adapters.base import Adapter, MethodConfig, check_fit
from lightning_modules.freezing import FreezeConfig
from lightning_modules.networks import Trunk
from lightning_modules.networks.config import ModelConfig


class PartialConfig(MethodConfig):
    """Settings of `partial`."""

    method: Literal["partial"] = "partial"
    frozen_layers: int = Field(0, ge=0)
    """So many layers, the first ones, stay as they are, and so do all embeddings, which are the output projection
    too."""
    head_only: bool = False
    """Train nothing but the head that the task adds: what the frozen network's states alone can tell."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.head_only and self.frozen_layers:
            raise ValueError(
                f"head_only freezes every layer, so frozen_layers {self.frozen_layers} says nothing: leave one out"
            )
        return self

    @property
    def trains_trunk(self) -> bool:
        return not self.head_only

    def check_model(self, model: ModelConfig) -> None:
        """Refuses more layers than the model has.

        Raises:
            ValueError: says how many there are.
        """
        if self.frozen_layers > model.num_layers:
            raise ValueError(
                f"adapter partial: frozen_layers is {self.frozen_layers}, but the model has {model.num_layers} layers; "
                "lower it, or set head_only"
            )

    def build(self) -> "Partial":
        """Returns the method."""
        return Partial(self)


class Partial(Adapter):
    """Freezes, and saves what is left to train: the base holds the rest."""

    name: ClassVar[str] = "partial"
    replaces_trunk: ClassVar[bool] = False

    def __init__(self, config: PartialConfig) -> None:
        self.config = config

    def apply(self, trunk: nn.Module) -> None:
        """Takes what stays out of training.

        Raises:
            ValueError: the trunk has fewer layers.
        """
        assert isinstance(trunk, Trunk)
        self.config.check_model(trunk.config)
        if self.config.head_only:
            trunk.requires_grad_(False)
        else:
            FreezeConfig(embeddings=True, layers=self.config.frozen_layers).apply(trunk, {})

    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns the trained parameters."""
        return {name: tensor.detach() for name, tensor in trunk.named_parameters() if tensor.requires_grad}

    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Copies them.

        Raises:
            ValueError: names or shapes are not those of this configuration.
        """
        own = self.state(trunk)
        check_fit(own, state, self.name)
        for name, tensor in own.items():
            tensor.copy_(state[name])

    def merge(self, trunk: nn.Module) -> None:
        """Changes nothing: the trained parameters are the base's own."""
