"""When to measure what is dear: once in every so many steps, until every objective has been measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Window:
    """Collects one measurement of each objective, from the first steps of every window of `steps`.

    A fixed rhythm would not do: where a step trains some of the objectives only, the steps of one rhythm may all train
    the same ones.
    """

    def __init__(self, names: Sequence[str], steps: int) -> None:
        self._names, self._steps = list(names), steps
        self._opens = 0
        self._measured: dict[str, float] = {}

    def is_open(self, step: int) -> bool:
        """Whether a measurement is still missing at `step`."""
        return step >= self._opens

    def enter(self, step: int, measured: Mapping[str, float]) -> list[float] | None:
        """Notes the newest measurement of each; returns all of a window, in order of the names, once it is complete."""
        if not self.is_open(step):
            return None
        self._measured |= measured
        if len(self._measured) < len(self._names):
            return None
        complete = [self._measured[name] for name in self._names]
        self._opens, self._measured = (step // self._steps + 1) * self._steps, {}
        return complete

    def state_dict(self) -> dict[str, Any]:
        """Returns all that a resume needs, as JSON."""
        return {"opens": self._opens, "measured": dict(self._measured)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from `state_dict()`."""
        self._opens, self._measured = state["opens"], dict(state["measured"])
