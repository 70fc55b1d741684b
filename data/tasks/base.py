"""What a labelled source is: an iterable of examples, and what identifies its content."""

import unicodedata
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from data.config import Config
from data.document import Split
from data.examples import Answers


@dataclass(frozen=True)
class Places:
    """Where labelled sources find what they read."""

    cache: Path
    """Downloads, shared between runs."""
    root: Path
    """Relative paths of a recipe start here."""
    corpus: Path | None
    """Folder of the run's `corpus` artifact."""


@dataclass(frozen=True)
class Example:
    """One labelled example as a source gives it."""

    input: str
    target: str
    """The answer; of a classified text the label's name. See `data/answers.py` for those of several parts."""
    group: str
    """Examples of one group (a film, a document) never end up in different splits."""
    split: Split | None = None
    """None: the source has no split of its own, and `HashSplit` decides by the group."""
    others: tuple[str, ...] = ()
    """Answers that are as right as `target`."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON: what the example's kind of task needs beyond input and answer, such as the tests of a program."""


class HashSplit(Config):
    """Divides groups by crc32(group) % folds, so a new example never moves an old one."""

    folds: int = Field(10, gt=2)
    test: tuple[int, ...] = (0,)
    """Remainders that are test examples."""
    validation: tuple[int, ...] = (1,)

    @model_validator(mode="after")
    def _folds_are_apart(self) -> Self:
        given = (*self.test, *self.validation)
        if len(set(given)) < len(given) or not set(given) < set(range(self.folds)):
            raise ValueError(
                f"test {self.test} and validation {self.validation} must be different remainders "
                f"below {self.folds} and leave some to training"
            )
        return self

    def of(self, group: str) -> Split:
        """Returns the split of a group."""
        fold = zlib.crc32(group.encode(errors="surrogatepass")) % self.folds
        return "test" if fold in self.test else "validation" if fold in self.validation else "train"


class LabelledSource(Config, ABC):
    """Settings of a labelled source, with what reads it."""

    distinct: ClassVar[tuple[Literal["input", "target"], ...]] = ("input",)
    """What must not occur twice, in one split or in two."""
    answer_may_be_quoted: ClassVar[bool] = True
    """False: an example whose input contains its answer word for word is dropped."""

    of_corpus: ClassVar[bool] = False
    """Examples are drawn from the run's own corpus, and inherit its split."""
    gives: ClassVar[frozenset[str]] = frozenset()
    """Keys that `details` of its examples always have, beside what any example may have."""

    source: str
    """A name of `LABELLED`."""
    language: str = "en"
    """Of the inputs."""
    target_language: str | None = None
    """Of the answers; null: as the inputs."""
    labels: tuple[str, ...] = ()
    """Classes in the order of their numbers; rows with another label are dropped and counted. Where spans are tagged,
    their labels; others are not asked for. Empty: the answers have no labels."""
    drop_conflicts: bool = False
    """Drop a text altogether that is there under several classes. Otherwise the first it has stands, and the others are
    dropped as its duplicates."""
    split: HashSplit = HashSplit()

    @property
    def answers(self) -> Answers:
        """What kind of thing the targets are."""
        return "class" if self.labels else "text"

    @model_validator(mode="after")
    def _classes_conflict(self) -> Self:
        if self.drop_conflicts and not self.labels:
            raise ValueError("drop_conflicts is about classes, and goes with labels only")
        return self

    def candidates(self, places: Places) -> dict[str, str]:
        """Returns id -> text of what is ranked, where a table of its own lists it."""
        return {}

    @abstractmethod
    def examples(self, places: Places) -> Iterator[Example]:
        """Reads the source in a fixed order.

        Raises:
            ValueError: something that the settings name is not there.
        """

    @abstractmethod
    def content(self, places: Places) -> dict[str, Any]:
        """Returns JSON that changes when what `examples` reads changes; the settings themselves are added to it."""


def normalised(text: str) -> str:
    """Returns the text as duplicates are compared: NFKC, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
