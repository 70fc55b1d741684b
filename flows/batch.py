"""How the positions of one optimizer step are shared among micro-batches and devices."""

from dataclasses import dataclass

from flows.recipe import RecipeError
from lightning_modules.hardware import HardwareConfig
from lightning_modules.stage import StageConfig


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


def divide(training: HardwareConfig, devices: int, stage: StageConfig) -> Batch:
    """Divides the positions of one optimizer step into micro-batches of rows.

    Raises:
        RecipeError: the sizes do not divide.
    """
    rows, rest = divmod(training.micro_batch_tokens, stage.sequence_length)
    if rest or not rows:
        raise RecipeError(
            f"training.micro_batch_tokens: {training.micro_batch_tokens:,} is no multiple of "
            f"sequence_length {stage.sequence_length}"
        )
    own = stage.global_batch_tokens is not None
    step_tokens = stage.global_batch_tokens or training.global_batch_tokens
    micro_batches, rest = divmod(step_tokens, training.micro_batch_tokens * devices)
    if rest or not micro_batches:
        raise RecipeError(
            f"{'' if own else 'training.'}global_batch_tokens: {step_tokens:,} is no multiple of "
            f"micro_batch_tokens {training.micro_batch_tokens:,} x {devices} devices"
        )
    return Batch(rows, micro_batches, devices, stage.sequence_length)
