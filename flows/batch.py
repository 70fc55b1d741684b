"""How the positions of one optimizer step are shared among micro-batches and devices."""

from dataclasses import dataclass

from flows.recipe import RecipeError
from lightning_modules.hardware import HardwareConfig


@dataclass(frozen=True)
class Batch:
    """The arithmetic of one optimizer step."""

    rows: int
    """Rows of a micro-batch on one device."""
    micro_batches: int
    """Micro-batches of a step on one device."""
    devices: int
    sequence_length: int

    @property
    def step_tokens(self) -> int:
        """Positions of one optimizer step over all devices."""
        return self.rows * self.micro_batches * self.devices * self.sequence_length

    def __str__(self) -> str:
        return (
            f"{self.rows} sequences x {self.sequence_length} tokens x {self.micro_batches} accumulation x "
            f"{self.devices} device{'s' if self.devices > 1 else ''} = {self.step_tokens:,} tokens/step"
        )


def divide(training: HardwareConfig, devices: int, sequence_length: int) -> Batch:
    """Divides `global_batch_tokens` into micro-batches of rows of `sequence_length` positions.

    Raises:
        RecipeError: the sizes do not divide.
    """
    rows, rest = divmod(training.micro_batch_tokens, sequence_length)
    if rest or not rows:
        raise RecipeError(
            f"training.micro_batch_tokens: {training.micro_batch_tokens:,} is no multiple of a stage's "
            f"sequence_length {sequence_length}"
        )
    micro_batches, rest = divmod(training.global_batch_tokens, training.micro_batch_tokens * devices)
    if rest or not micro_batches:
        raise RecipeError(
            f"training.global_batch_tokens: {training.global_batch_tokens:,} is no multiple of micro_batch_tokens "
            f"{training.micro_batch_tokens:,} x {devices} devices"
        )
    return Batch(rows, micro_batches, devices, sequence_length)
