"""What a stage is trained on: the recipe's wishes, and what this machine makes of them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from data.config import Config, Count


class HardwareConfig(Config):
    """The recipe's `training:`."""

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes CUDA where there is a device."""
    devices: int = Field(1, gt=0)
    """Processes, each with one GPU, or with its part of the CPU's threads."""
    strategy: Literal["single", "ddp", "fsdp"] = "single"
    """`ddp` keeps the whole model on every device; `fsdp`, a part of it on each, is refused until it can be tested."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Of the matrix products; weights and optimizer stay in fp32. `auto` takes bf16 where the hardware has it."""
    threads: int | None = Field(None, gt=0)
    """CPU threads of all processes together; none given: as many as torch takes by itself."""
    global_batch_tokens: Count = Field(8192, gt=0)
    """Positions through the trunk in one optimizer step, over all devices."""
    micro_batch_tokens: Count = Field(4096, gt=0)
    """Positions that one device takes through the trunk at once: a question of memory, not of result."""
    finetunings_at_once: int = Field(1, gt=0)
    """Fine-tunings that run side by side, each in a process of its own; they share the CPU's threads and, with CUDA,
    the device and its memory."""
    compile: bool = False
    """Compile the trunk's layers with torch.compile: faster after the first minute, and it needs a C++ compiler."""
    deterministic: bool = False
    """Refuse GPU kernels whose sums come in a random order, at some cost of speed; on CPU there are none."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.devices > 1) == (self.strategy == "single"):
            raise ValueError(
                f"strategy {self.strategy!r} does not go with devices={self.devices}; "
                "one device takes 'single', several take 'ddp' or 'fsdp'"
            )
        if self.threads is not None and self.threads < self.devices and self.accelerator == "cpu":
            raise ValueError(
                f"threads={self.threads} cannot be shared by {self.devices} processes; give each at least one"
            )
        return self


class Hardware(Config):
    """`HardwareConfig` with nothing left to choose."""

    accelerator: Literal["cpu", "cuda"]
    devices: int = Field(gt=0)
    strategy: Literal["single", "ddp"]
    precision: Literal["fp32", "bf16", "fp16"]
    threads: int = Field(gt=0)
    """CPU threads of each process. Sums depend on it: one thread gives other last digits than two."""
    global_batch_tokens: int = Field(gt=0)
    micro_batch_tokens: int = Field(gt=0)
    compile: bool
    deterministic: bool


def resolve(config: HardwareConfig) -> Hardware:
    """Settles every `auto` on the machine that calls.

    Raises:
        ValueError: the machine has not got what is asked for.
    """
    import torch  # here, so that a recipe can be read without the seconds this takes

    accelerator = config.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    available = torch.cuda.device_count() if accelerator == "cuda" else torch.get_num_threads()
    if config.devices > available:
        raise ValueError(
            f"devices={config.devices} on {accelerator}: this machine has {available} "
            f"{'GPUs' if accelerator == 'cuda' else 'CPU threads, and a process needs one'}"
        )
    if config.strategy == "fsdp":
        raise ValueError("strategy 'fsdp' cannot be trained yet, on CPU not at all; use 'ddp'")
    if accelerator == "cpu" and config.precision == "fp16":
        raise ValueError("precision 'fp16' needs a CUDA device; on CPU use 'auto', 'bf16' or 'fp32'")
    return Hardware(
        accelerator=accelerator,
        devices=config.devices,
        strategy=config.strategy,
        precision=_fast_precision(accelerator) if config.precision == "auto" else config.precision,
        threads=max(1, (config.threads or torch.get_num_threads()) // config.devices),
        global_batch_tokens=config.global_batch_tokens,
        micro_batch_tokens=config.micro_batch_tokens,
        compile=config.compile,
        deterministic=config.deterministic,
    )


def _fast_precision(accelerator: str) -> Literal["fp32", "bf16", "fp16"]:
    """Returns the fastest precision that the hardware itself computes, rather than emulates."""
    import torch

    if accelerator == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "fp32"
