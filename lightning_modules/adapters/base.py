"""The contract of an adaptation method."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


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
        """Writes the adaptation into the base weights; the trunk then has the base's modules and names."""
