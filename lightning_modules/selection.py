"""Which weights of a stage are kept: those that were best on the validation set, not those that happened to be last.

Beside that the gap is watched: how much worse the network does on the validation set than it did, since the validation
before, on the training data. A gap that goes on widening after the best step is a network that learns its examples by
heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from data.config import Config
from data.naming import look_up

VALIDATION_LOSS = "validation_loss"
WIDENED = 0.1
"""Of the validation loss at the kept step: a gap that has grown by more is said to have widened."""
_LOWER_IS_BETTER = frozenset({"loss", "nll", "alignment", "uniformity"})
"""Last parts of the names of metrics; of all others more is better."""


class SelectionConfig(Config):
    """How the weights that a stage hands on are chosen among those it went through."""

    by: str = Field(VALIDATION_LOSS, pattern=rf"^({VALIDATION_LOSS}|[^/]+/.+)$")
    """`validation_loss`: the objectives' losses on the validation set, times their weights. Or one metric of the
    validation, by the name of the objective in its stage and its own: 'classification/accuracy'."""
    every_steps: int | None = Field(None, gt=0)
    """Optimizer steps from one validation to the next; null: a tenth of the stage, but 10 at least. The last step is
    always among them."""
    patience: int | None = Field(None, gt=0)
    """Stop after so many validations in a row that were no better than the best; null: train to the end."""

    def check(self, names: Mapping[str, Any]) -> None:
        """Refuses a metric of an objective that the stage does not have.

        Args:
            names: of the stage's objectives.

        Raises:
            ValueError: lists those there are.
        """
        if self.by != VALIDATION_LOSS:
            look_up("objective of this stage in selection.by", self.by.partition("/")[0], names)

    def interval(self, steps: int) -> int:
        """Returns the steps from one validation to the next in a stage of `steps`."""
        return self.every_steps or max(10, -(-steps // 10))


class Selection:
    """What the validations of a stage have shown so far; plain numbers, so that a checkpoint can hold it."""

    def __init__(self, config: SelectionConfig, steps: int, weights: Mapping[str, float]) -> None:
        """Starts with nothing seen.

        Args:
            config: the recipe's.
            steps: of the stage.
            weights: named term -> what its mean is multiplied by.
        """
        self.config = config
        self.steps, self.weights = steps, weights
        self.evaluations: list[dict[str, float]] = []
        """Of each validation: step, value, validation_loss and training_loss."""
        self.best: dict[str, Any] | None = None
        """Its step, its value and all its metrics."""
        self._since: dict[str, tuple[float, float]] = {}
        """Named term -> summed training loss and count since the last validation."""

    def due(self, step: int) -> bool:
        """Whether the stage is validated after `step` steps."""
        return step % self.config.interval(self.steps) == 0 or step == self.steps

    @property
    def stopped(self) -> bool:
        """Whether patience is at its end."""
        if self.best is None or self.config.patience is None:
            return False
        worse = [entry for entry in self.evaluations if entry["step"] > self.best["step"]]
        return len(worse) >= self.config.patience

    @property
    def widened(self) -> bool:
        """Whether the gap has grown since the best step by more than `WIDENED` of the loss there."""
        if self.best is None:
            return False
        [at_best] = [entry for entry in self.evaluations if entry["step"] == self.best["step"]]
        grown = _gap(self.evaluations[-1]) - _gap(at_best)
        return grown > WIDENED * at_best["validation_loss"]

    def trained(self, loss_sums: Mapping[str, float], counts: Mapping[str, float]) -> None:
        """Notes the training losses of some steps: named term -> summed loss, and its count."""
        for name, total in loss_sums.items():
            before = self._since.get(name, (0.0, 0.0))
            self._since[name] = (before[0] + total, before[1] + counts[name])

    def enter(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Notes a validation; returns whether it was better than all before.

        Args:
            step: after which it was made.
            metrics: 'validation/<use>/<metric>' -> value.

        Raises:
            ValueError: the validation has no such metric; lists those it has.
        """
        found = {name.removeprefix("validation/"): value for name, value in metrics.items()}
        losses = {name: found[f"{name}/loss"] for name in self.weights if f"{name}/loss" in found}
        # An objective of a small share may not have been trained since the last validation: it adds nothing to the gap,
        # but all to the loss, or the loss would be of other objectives each time.
        trained = {name: total / count for name, (total, count) in self._since.items() if count}
        means = {name: trained.get(name, loss) for name, loss in losses.items()}
        entry = {
            "step": step,
            "validation_loss": sum(self.weights[name] * loss for name, loss in losses.items()),
            # Rounded, because a stop between two logged steps adds the same sums up in another order.
            "training_loss": round(sum(self.weights[name] * mean for name, mean in means.items()), 9),
        }
        by = self.config.by
        value = entry["validation_loss"] if by == VALIDATION_LOSS else look_up("metric in selection.by", by, found)
        self.evaluations.append({**entry, "value": value})
        self._since = {}
        better = self.best is None or (
            value < self.best["value"] if self._lower_is_better else value > self.best["value"]
        )
        if better:
            self.best = {"step": step, "value": value, "metrics": dict(metrics)}
        return better

    def gap(self) -> dict[str, float]:
        """Returns the last gap, by the name that metrics have."""
        return {"validation/gap": _gap(self.evaluations[-1])}

    def record(self) -> dict[str, Any]:
        """Returns what stage.json says of it."""
        assert self.best is not None
        return {
            "by": self.config.by,
            "step": self.best["step"],
            "value": self.best["value"],
            "stopped_early": self.evaluations[-1]["step"] < self.steps,
            "gap_widened": self.widened,
            "evaluations": self.evaluations,
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns everything seen."""
        since = {name: list(pair) for name, pair in self._since.items()}
        return {"evaluations": self.evaluations, "best": self.best, "since": since}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self.evaluations, self.best = list(state["evaluations"]), state["best"]
        self._since = {name: (pair[0], pair[1]) for name, pair in state["since"].items()}

    @property
    def _lower_is_better(self) -> bool:
        by = self.config.by
        return by == VALIDATION_LOSS or by.rpartition("/")[2] in _LOWER_IS_BETTER


def _gap(evaluation: Mapping[str, float]) -> float:
    return evaluation["validation_loss"] - evaluation["training_loss"]
