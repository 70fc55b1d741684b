"""What a stage's steps came to, kept on the device and read once an interval: reading a number waits for the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor

Number = float | Tensor


class Diverged(ArithmeticError):
    """A loss or a gradient is not a finite number any more."""


@dataclass
class Tally:
    """Sums of one step, or of one validation, of this rank; added up over the ranks they give means."""

    loss_sums: dict[str, Number] = field(default_factory=dict)
    """'<use>' or '<use>/<term>' -> summed loss in nats."""
    counts: dict[str, Number] = field(default_factory=dict)
    """The same names -> number of units."""
    ratios: dict[str, tuple[Number, Number]] = field(default_factory=dict)
    """'<use>/accuracy', or 'activation_sparsity' of the network itself -> its numerator and denominator."""

    def add(self, name: str, loss_sum: Number, count: Number, ratios: dict[str, tuple[Number, Number]]) -> None:
        """Adds one term of one micro-batch."""
        self.loss_sums[name] = self.loss_sums.get(name, 0.0) + loss_sum
        self.counts[name] = self.counts.get(name, 0) + count
        for ratio, (part, whole) in ratios.items():
            self.add_ratio(f"{name}/{ratio}", part, whole)

    def add_ratio(self, name: str, part: Number, whole: Number) -> None:
        """Adds to a ratio that belongs to no term by itself."""
        before = self.ratios.get(name, (0.0, 0.0))
        self.ratios[name] = (before[0] + part, before[1] + whole)

    def add_all(self, other: Tally) -> None:
        """Adds another tally."""
        for name, loss_sum in other.loss_sums.items():
            self.add(name, loss_sum, other.counts[name], {})
        for name, (part, whole) in other.ratios.items():
            self.add_ratio(name, part, whole)

    def numbers(self) -> list[Number]:
        """Returns all sums in an order that every rank shares."""
        ratios = [number for pair in self.ratios.values() for number in pair]
        return [*self.loss_sums.values(), *self.counts.values(), *ratios]

    def filled(self, numbers: list[float]) -> Tally:
        """Returns a tally of the same names with other sums, given in the order of `numbers()`."""
        rest = iter(numbers)
        return Tally(
            {name: next(rest) for name in self.loss_sums},
            {name: next(rest) for name in self.counts},
            {name: (next(rest), next(rest)) for name in self.ratios},
        )

    def losses(self) -> dict[str, float]:
        """Returns the mean loss of each name that has counted anything."""
        return {name: float(total / self.counts[name]) for name, total in self.loss_sums.items() if self.counts[name]}

    def metrics(self, prefix: str) -> dict[str, float]:
        """Returns '<prefix>/<use>/loss', '<prefix>/<use>/accuracy', ..."""
        ratios = {name: float(part / whole) for name, (part, whole) in self.ratios.items() if whole}
        losses = {f"{name}/loss": loss for name, loss in self.losses().items()}
        return {f"{prefix}/{name}": value for name, value in (losses | ratios).items()}


@dataclass
class StepRecord:
    """One optimizer step of this rank."""

    step: int
    """Its number in the stage, from 1."""
    tally: Tally
    weights: dict[str, float]
    """Name of a loss -> recipe's weight times the factor of this step."""
    factors: dict[str, float]
    """Objective -> factor of this step."""
    lr: float
    positions: int
    """Through the trunk, of this rank."""
    text_tokens: int
    """Corpus tokens among them."""
    grad_norm: Tensor
    """The same on all ranks."""


@dataclass
class Interval:
    """Some steps, over all ranks."""

    metrics: dict[str, float] = field(default_factory=dict)
    """Losses and ratios are means over all units of the interval, the rest is of its last step."""
    tally: Tally = field(default_factory=Tally)
    """The sums behind them."""
    positions: int = 0
    text_tokens: int = 0


def summed(tallies: list[Tally], others: list[list[Number]], device: torch.device) -> list[tuple[Tally, list[float]]]:
    """Returns each tally with its other numbers, added up over the ranks and read, in one exchange and one wait."""
    rows = [tally.numbers() + other for tally, other in zip(tallies, others, strict=True)]
    flat = [number for row in rows for number in row]
    if not flat:
        return [(tally, []) for tally in tallies]
    numbers = torch.stack([torch.as_tensor(number, dtype=torch.float64, device=device) for number in flat])
    if dist.is_initialized():
        dist.all_reduce(numbers)
    rest = iter(numbers.tolist())
    read = [[next(rest) for _ in row] for row in rows]
    return [
        (tally.filled(row[: len(row) - len(other)]), row[len(row) - len(other) :])
        for tally, other, row in zip(tallies, others, read, strict=True)
    ]


def check_finite(step: int, losses: Mapping[str, float]) -> None:
    """Looks at the losses of step `step`, counted from 1.

    Raises:
        Diverged: one of them is not finite.
    """
    for name, loss in losses.items():
        if not math.isfinite(loss):
            raise Diverged(f"step {step}: the loss of {name!r} is {loss}; {_REMEDY}")


class Ledger:
    """The steps since the last reading."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    def add(self, record: StepRecord) -> None:
        """Enters a step."""
        self.records.append(record)

    def close(self, device: torch.device, finite_gradients: bool = True) -> Interval:
        """Reads and forgets the steps so far.

        Args:
            device: where the sums lie.
            finite_gradients: False with fp16, whose scaler skips a step with an overflown gradient by itself.

        Raises:
            Diverged: at the first step whose loss or gradient is not finite.
        """
        records, self.records = self.records, []
        others: list[list[Number]] = [[r.positions, r.text_tokens, r.grad_norm] for r in records]
        ranks = dist.get_world_size() if dist.is_initialized() else 1
        interval = Interval()
        total, step_losses = interval.tally, []
        for record, (tally, other) in zip(records, summed([r.tally for r in records], others, device), strict=True):
            losses, grad_norm = tally.losses(), other[2] / ranks
            check_finite(record.step, losses)
            if finite_gradients and not math.isfinite(grad_norm):
                names = ", ".join(map(repr, losses))
                raise Diverged(f"step {record.step}: the gradient of {names} is {grad_norm}; {_REMEDY}")
            total.add_all(tally)
            step_losses.append(sum(record.weights[name] * loss for name, loss in losses.items()))
            interval.positions += int(other[0])
            interval.text_tokens += int(other[1])
            interval.metrics = {
                **{f"train/{name}/weight": weight for name, weight in record.weights.items()},
                **{f"train/{name}/factor": factor for name, factor in record.factors.items()},
                "train/lr": record.lr,
                "train/grad_norm": grad_norm,
            }
        if step_losses:
            interval.metrics |= {"train/loss": sum(step_losses) / len(step_losses), **total.metrics("train")}
        return interval


_REMEDY = "lower peak_lr or clip_norm, or lengthen the warm-up"
