"""Conversations in files of the user's own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from data.tasks.base import Example, Places
from data.tasks.chats import ChatSource, read_conversations
from data.tasks.files import SplitFiles


class Conversations(ChatSource, SplitFiles):
    """Settings of `conversations`."""

    source: Literal["conversations"]

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all files, in the order of the recipe."""
        for file_split, path in self.files(places):
            with path.open("rb") as stream:
                rows = read_conversations(stream, path.name)
            for example in self.from_rows(rows, str(path)):
                yield replace(example, split=self.split_of(file_split, example.group))
