"""The contract of an exam: what a pretrained network can do as it is, without fine-tuning.

An exam is the settings of one entry of `evaluation.exams`, and what runs it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from data.config import Config
from data.tasks import LabelledSource
from data.tasks.base import Places
from data.tokenizer import Tokenizer
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.scoring.results import Comparison

Reading = Literal["causal", "masked"]
"""How a network is asked for a token's probability: after what stands before it, or hidden among its neighbours."""

SUBJECT, UNTRAINED = "pretrained", "untrained"
"""The system under test, and the same network with random weights: what training itself is compared with."""


@dataclass(frozen=True)
class Sitting:
    """What an exam has before it."""

    networks: dict[str, Trunk]
    """The one under test first, then those it is compared with; in evaluation mode, on their device."""
    tokenizer: Tokenizer
    root: Path
    """Where relative paths of the recipe start."""
    folders: Mapping[str, Path]
    """Role of `Exam.reads` -> folder of its artifact; beside them `weights` and `tokenizer`."""
    sequence_length: int
    """Positions that the last stage of pretraining read at once."""
    hardware: Hardware
    seed: int
    resamples: int
    """Of the bootstrap."""
    progress: Callable[[str, int, int], None]
    """Is told the system, what is done, and of how much."""

    def reporting(self, system: str) -> Callable[[int, int], None]:
        """Returns the progress of one system."""
        return lambda done, total: self.progress(system, done, total)


@dataclass(frozen=True)
class Table:
    """Figures that no metric of the whole exam shows, such as those of its parts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]
    note: str = ""
    """What the figures are, where the title does not say it."""


@dataclass(frozen=True)
class Curve:
    """A figure over an axis, with a band of 95 % around it."""

    title: str
    x: str
    """Name of the axis, with its unit."""
    y: str
    lines: Mapping[str, Sequence[tuple[float, float, float, float]]]
    """System -> (x, value, low, high) in the order of x."""


@dataclass(frozen=True)
class Results:
    """What an exam gave."""

    comparison: Comparison
    samples: Sequence[dict[str, Any]] = ()
    """A few examples with every system's answer: example_id, input, references, predictions."""
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()
    facts: Mapping[str, float | str] = field(default_factory=dict)
    """Further figures by name, which two runs are compared by; a text is shown only."""
    language: str = ""
    labels: Sequence[str] = ()
    """What the comparison's metrics were made with."""


class Exam(Config, ABC):
    """Settings of one exam, with what runs it."""

    concern: ClassVar[bool] = False
    """Whether it asks what a model does that it should not: treats groups differently, gives away what it has read."""

    exam: str
    """A name of `EXAMS`."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Ways of reading that some stage of pretraining must have trained."""
        return frozenset()

    @property
    def subject(self) -> str | None:
        """Name of the task whose model the exam is of; None: the base model."""
        return None

    @property
    def labelled(self) -> LabelledSource | None:
        """A labelled set of its own, which is built before and is then its folder `examples`."""
        return None

    def reads(self) -> dict[str, str]:
        """Returns role -> stage that gives it, beside weights and tokenizer.

        'tokens' and 'corpus' are those of the run; others are labels such as 'examples/sentiment',
        'finetuned/sentiment' and 'scores/sentiment'.
        """
        return {}

    def check(self, tasks: Mapping[str, LabelledSource]) -> None:
        """Refuses what does not fit the labelled sets of the recipe's tasks.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """
        return

    def content(self, places: Places) -> dict[str, Any]:
        """Returns JSON that changes when the content of the exam's own files does; the settings are added to it.

        Raises:
            ValueError: a file is not there.
        """
        return {}

    def settings(self) -> dict[str, Any]:
        """Returns the settings that the results depend on: not where a file lies, which `content` identifies."""
        return self.model_dump(mode="json", exclude={"path"})

    @abstractmethod
    def run(self, sitting: Sitting) -> Results:
        """Asks every network, and what it has to beat.

        Raises:
            ValueError: the material cannot be used with these networks.
        """
