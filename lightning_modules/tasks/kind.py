"""What a task is: how it is trained, how it answers, and what it is measured with and against."""

from dataclasses import dataclass

from data.examples import Answers
from data.prompts import Template
from data.views import VIEWS


@dataclass(frozen=True)
class TaskKind:
    """One kind of labelled task."""

    objective: str
    """Name in `OBJECTIVES`."""
    answers: Answers
    """What the task's data must hold, and how a network is made to answer."""
    metrics: tuple[str, ...]
    """Names in `METRICS`, the headline first."""
    baselines: tuple[str, ...]
    """Names in `BASELINES`: what has to be beaten before a trained network is worth anything."""
    needs: frozenset[str] = frozenset()
    """Keys that `details` of each example must have; `data.tasks` says which sources give them."""
    least_samples: int = 1
    """Answers to each test example that the metrics need; `decoding.samples` must not be below it."""

    @property
    def template(self) -> Template:
        """How a free-text answer stands behind what it answers."""
        return VIEWS[self.objective].template
