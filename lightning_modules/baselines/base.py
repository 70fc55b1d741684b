"""The contract of a baseline: answers that need no network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from data.examples import TaskDescription


class Baseline(ABC):
    """Learns what it can from the training examples and answers the test inputs."""

    name: ClassVar[str]

    def __init__(self, description: TaskDescription, candidates: Mapping[str, str] | None = None) -> None:
        """Keeps what the task is.

        Args:
            description: of the task.
            candidates: id -> text, where the answers rank them.
        """
        self.description = description
        self.candidates = candidates or {}

    @abstractmethod
    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns one answer for each input.

        Args:
            train: (input, right answer) of the training examples.
            inputs: of the test examples.
        """
