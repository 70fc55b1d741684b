"""Full training: every parameter of the trunk."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from lightning_modules.adapters.base import Adapter, MethodConfig


class FullConfig(MethodConfig):
    """Settings of `full`: none."""

    method: Literal["full"] = "full"

    def build(self) -> "Full":
        """Returns the method."""
        return Full()


class Full(Adapter):
    """Trains the trunk as it is, so there is nothing to add and nothing to merge."""

    name: ClassVar[str] = "full"
    replaces_trunk: ClassVar[bool] = True

    def apply(self, trunk: nn.Module) -> None:
        """Changes nothing: what the trunk itself keeps frozen (tables with a zero row) stays so."""

    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns the trunk's own state."""
        return trunk.state_dict()

    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Loads a whole trunk.

        Raises:
            ValueError: the state is of another architecture.
        """
        try:
            trunk.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"the saved weights do not fit this model: {error}") from error

    def merge(self, trunk: nn.Module) -> None:
        """Changes nothing."""
