"""Losses of different units made comparable: each as a share of its reference, smoothed over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, PositiveFloat

from data.config import Config


class RelativeLossConfig(Config):
    """Settings of every weighting that compares losses as shares of a reference."""

    references: dict[str, PositiveFloat] = Field(default_factory=dict)
    """Name in the stage -> loss, in nats, that the objective's own is divided by: what a smaller model reaches, say.
    For all objectives, or for none: then each one's own first loss is its reference."""
    smoothing: float = Field(0.98, ge=0.0, lt=1.0)
    """Decay of the moving average of each loss, per step that trains the objective."""


class RelativeLosses:
    """The moving average of each objective's loss over its reference."""

    def __init__(self, config: RelativeLossConfig, names: Sequence[str]) -> None:
        """Starts with nothing seen.

        Raises:
            ValueError: references are given for some of the objectives only.
        """
        if config.references and set(config.references) != set(names):
            raise ValueError(
                f"weighting.references names {', '.join(sorted(config.references))}, but the stage has "
                f"{', '.join(sorted(names))}: give a reference for each of these, or none at all"
            )
        self._names = list(names)
        self._decay = config.smoothing
        self._reference: dict[str, float] = dict(config.references)
        self._smoothed: dict[str, float] = {}

    def take(self, losses: Mapping[str, float]) -> None:
        """Enters one step's mean losses."""
        for name, loss in losses.items():
            self._reference.setdefault(name, loss)
            self._smoothed[name] = self._decay * self._smoothed.get(name, loss) + (1.0 - self._decay) * loss

    @property
    def complete(self) -> bool:
        """Whether every objective was seen."""
        return len(self._smoothed) == len(self._names)

    def __getitem__(self, name: str) -> float:
        """Returns the share of the reference that is left."""
        return self._smoothed[name] / max(self._reference[name], 1e-12)

    def state_dict(self) -> dict[str, Any]:
        """Returns all that a resume needs, as JSON."""
        return {"reference": dict(self._reference), "smoothed": dict(self._smoothed)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from `state_dict()`."""
        self._reference, self._smoothed = dict(state["reference"]), dict(state["smoothed"])
