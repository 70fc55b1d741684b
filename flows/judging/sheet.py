"""A judging sheet: questions in their order, with the systems behind them, which raters are not shown.

<store>/judging/<task>-<8 hex>/sheet.json          equal options give an equal sheet, so a restart finds it again
<store>/judging/<task>-<8 hex>/<rater>.jsonl       a rater's answers (journal.py)
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from data.config import Config
from flows.store import canonical_json, write_atomically

FOLDER = "judging"
FILE = "sheet.json"

Kind = Literal["pair", "rating"]
KINDS: tuple[Kind, ...] = ("pair", "rating")
Grade = Annotated[int, Field(ge=1, le=5, strict=True)]


class Preference(Config):
    """Answer to a question of two texts."""

    preferred: Literal["left", "tie", "right"]
    """The better text."""


class Ratings(Config):
    """Answer to a question of one text; 1 is worst, 5 is best."""

    fluency: Grade
    """Does it read as a careful person writes?"""
    adequacy: Grade
    """Does it say what it should, and nothing that is not so?"""
    coherence: Grade
    """Do its parts belong together?"""


Answer = Preference | Ratings
ANSWERS: dict[Kind, type[Preference] | type[Ratings]] = {"pair": Preference, "rating": Ratings}
"""What a question of each kind is answered with."""


class Item(Config):
    """One test example with what every system gave for it."""

    id: str
    """Of the example."""
    input: str
    """Empty where the task has none."""
    reference: str
    """The first right answer; empty where there is none."""
    texts: dict[str, str]
    """System -> its text."""


class Question(Config):
    """One thing to judge."""

    kind: Kind
    item: str
    """Id of the item."""
    systems: tuple[str, ...]
    """Left and right of a pair; the one that is rated."""
    repeats: int | None = None
    """Number of the earlier question that this one asks again, a pair with its sides exchanged."""


class Sheet(Config):
    """All that is asked of every rater, in one order."""

    task: str
    """Name in the recipe."""
    runs: list[str]
    """Ids of the runs whose texts these are."""
    systems: list[str]
    language: str
    """Of the inputs, as a BCP 47 tag; empty where it is not known."""
    target_language: str
    """Of the texts that are judged."""
    seed: int
    shows_references: bool
    """Whether raters see the right answer."""
    items: list[Item]
    questions: list[Question]
    alike: int = Field(ge=0)
    """Pairs that are not asked, as both systems gave the same text."""

    @property
    def id(self) -> str:
        """'headline-1f3a90bc'; equal for equal content."""
        digest = hashlib.sha256(canonical_json(self.model_dump(mode="json")).encode()).hexdigest()
        return f"{self.task}-{digest[:8]}"

    def item(self, question: Question) -> Item:
        """What a question is about."""
        return next(item for item in self.items if item.id == question.item)

    def save(self, store_root: Path) -> Path:
        """Writes the sheet, if it is not there yet; returns its folder."""
        folder = store_root / FOLDER / self.id
        if not (folder / FILE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / FILE, self.model_dump_json(indent=1))
        return folder


def find_sheet(store_root: Path, name: str) -> tuple[Sheet, Path]:
    """The sheet of an id or of the beginning of one, with its folder.

    Names are compared with those that are there, and never made into a path.

    Raises:
        ValueError: there is none, or the beginning fits several.
    """
    folders = sorted(path.parent for path in (store_root / FOLDER).glob(f"*/{FILE}"))
    fitting = [folder for folder in folders if folder.name == name] or [
        folder for folder in folders if name and folder.name.startswith(name)
    ]
    if len(fitting) == 1:
        text = (fitting[0] / FILE).read_text(encoding="utf-8")
        return Sheet.model_validate_json(text), fitting[0]
    known = ", ".join(folder.name for folder in (fitting or folders)[:5]) or "none yet"
    problem = "fits several sheets" if fitting else "is no judging sheet"
    raise ValueError(f"{name!r} {problem}: {known}; `stagelm judge sheet` makes one")
