"""Where labelled examples come from, and the artifact that is made of them."""

from typing import Annotated

from pydantic import Field

from data.tasks.base import Example, HashSplit, LabelledSource
from data.tasks.build import build_examples, examples_key
from data.tasks.corpus import CorpusTitles
from data.tasks.file import FileTable
from data.tasks.gettext import GettextCatalogues
from data.tasks.lines import ClassLines
from data.tasks.wheel import WheelTable

LABELLED: dict[str, type[LabelledSource]] = {
    "corpus": CorpusTitles,
    "file": FileTable,
    "gettext": GettextCatalogues,
    "lines": ClassLines,
    "wheel": WheelTable,
}

LabelledConfig = Annotated[
    CorpusTitles | FileTable | GettextCatalogues | ClassLines | WheelTable, Field(discriminator="source")
]

__all__ = ["LABELLED", "Example", "HashSplit", "LabelledConfig", "LabelledSource", "build_examples", "examples_key"]
