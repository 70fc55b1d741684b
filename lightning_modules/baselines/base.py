"""The contract of a baseline: answers that need no network."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from data.examples import TaskDescription


class Baseline(ABC):
    """Learns what it can from the training examples and answers the test inputs."""

    name: ClassVar[str]

    def __init__(self, description: TaskDescription) -> None:
        self.description = description

    @abstractmethod
    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns one answer for each input.

        Args:
            train: (input, right answer) of the training examples.
            inputs: of the test examples.
        """
