"""The contract of an adaptation method."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from data.config import Config
from lightning_modules.networks.config import ModelConfig


class MethodConfig(Config):
    """Settings of a method."""

    @property
    def trains_trunk(self) -> bool:
        """Whether there is anything to train beside the heads."""
        return True

    def check_model(self, model: ModelConfig) -> None:
        """Refuses a network that the method cannot adapt, before anything is built; every network by default none.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """


class Adapter(ABC):
    """Chooses what of a trunk is trained; the objectives' heads are always trained and saved beside it.

    The order is `apply` (before the optimizer is made), training, `state`; and for use: `apply`, `load`, then
    optionally `merge`, which leaves a trunk of plain layers.
    """

    name: ClassVar[str]
    replaces_trunk: ClassVar[bool]
    """True: `state` is a whole trunk, saved as `model.safetensors`. False: it is an addition to a base trunk, saved as
    `adapter.safetensors`."""

    @abstractmethod
    def apply(self, trunk: nn.Module) -> None:
        """Freezes what is not trained and adds what is."""

    @abstractmethod
    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns the tensors to save, by their names in `trunk.state_dict()`."""

    @abstractmethod
    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Puts saved tensors into an applied trunk.

        Raises:
            ValueError: names or shapes are not those of `state(trunk)`.
        """

    @abstractmethod
    def merge(self, trunk: nn.Module) -> None:
        """Writes the adaptation into the base weights; the trunk then has the base's modules and names.

        Raises:
            ValueError: there are no weights of the base that could hold it.
        """


def check_fit(own: Mapping[str, Tensor], state: Mapping[str, Tensor], method: str) -> None:
    """Compares saved tensors with those that they are to replace.

    Raises:
        ValueError: names or shapes differ; says how many, and the first of them.
    """
    wrong = {key for key in own.keys() | state.keys() if _shape(own.get(key)) != _shape(state.get(key))}
    if wrong:
        raise ValueError(
            f"the adapter does not fit: {len(wrong)} tensors differ in name or shape, first {min(wrong)}; "
            f"it was trained with other {method} settings or on another architecture"
        )


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape
