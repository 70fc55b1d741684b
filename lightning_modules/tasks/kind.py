"""What a task is: how it is trained, how it answers, and what it is measured with and against."""

from dataclasses import dataclass

from data.examples import Answers


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
