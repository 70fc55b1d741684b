"""Where labelled examples come from, and the artifact that is made of them."""

from typing import Annotated

from pydantic import Field

from data.tasks.arithmetic import Arithmetic
from data.tasks.base import Example, HashSplit, LabelledSource
from data.tasks.build import build_examples, examples_key
from data.tasks.conversations import Conversations
from data.tasks.corpus import CorpusTitles
from data.tasks.file import FileTable
from data.tasks.gettext import GettextCatalogues
from data.tasks.lines import ClassLines
from data.tasks.openings import CorpusOpenings
from data.tasks.programs import Programs
from data.tasks.sql import SQLQuestions
from data.tasks.stories import Stories
from data.tasks.wheel import WheelTable
from data.tasks.wheel_conversations import WheelConversations

LABELLED: dict[str, type[LabelledSource]] = {
    "arithmetic": Arithmetic,
    "conversations": Conversations,
    "corpus": CorpusTitles,
    "file": FileTable,
    "gettext": GettextCatalogues,
    "lines": ClassLines,
    "openings": CorpusOpenings,
    "programs": Programs,
    "sql": SQLQuestions,
    "stories": Stories,
    "wheel": WheelTable,
    "wheel_conversations": WheelConversations,
}

LabelledConfig = Annotated[
    Arithmetic
    | Conversations
    | CorpusOpenings
    | CorpusTitles
    | FileTable
    | GettextCatalogues
    | ClassLines
    | Programs
    | SQLQuestions
    | Stories
    | WheelTable
    | WheelConversations,
    Field(discriminator="source"),
]

__all__ = ["LABELLED", "Example", "HashSplit", "LabelledConfig", "LabelledSource", "build_examples", "examples_key"]
