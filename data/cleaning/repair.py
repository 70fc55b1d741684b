"""Rule `repair`: one spelling for what was one text before encodings, markup and editors passed over it.

Mojibake is undone (ftfy), HTML entities are read, Unicode is composed (NFC; never NFKC, which would turn Chinese
full-width punctuation into ASCII), control and invisible characters go, white space is made plain.
"""

import html
import re
import unicodedata
from typing import ClassVar

import ftfy
import numpy as np
from numpy.typing import NDArray

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text import TextColumn
from data.text.mojibake import COMPOSE, ENTITY, SUSPECT, inspect
from data.text.spacing import plain_spacing

_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,  # ftfy leaves entities alone where a '<' is near; html.unescape does not
    remove_terminal_escapes=True,
    remove_control_chars=False,  # `plain_spacing` does, and parts what the white space among them parts
    fix_character_width=False,  # full-width forms are right in Chinese and Japanese
    uncurl_quotes=False,  # they are how the text was written
    fix_latin_ligatures=True,
    normalization="NFC",
    explain=False,
)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")


class RepairConfig(Config):
    """`repair` has no settings."""


class Repair(Rule[RepairConfig]):
    """Repairs; drops nothing."""

    name: ClassVar[str] = "repair"
    Config: ClassVar[type[Config]] = RepairConfig

    def apply(self, batch: TextBatch) -> None:
        """Replaces texts."""
        batch.repair(self.name, repaired(batch.texts, batch.alive))


def repaired(texts: TextColumn, wanted: NDArray[np.bool_]) -> TextColumn:
    """The texts in their one spelling, where `wanted` (N,); repairing them again changes nothing in ordinary text."""
    flags = np.where(wanted, inspect(texts.data, texts.offsets), 0)
    rows = np.flatnonzero(flags & (ENTITY | SUSPECT | COMPOSE))
    if len(rows):
        texts = texts.replaced(rows, [_decoded(texts[row], int(flags[row])) for row in rows.tolist()])
    return TextColumn.from_bytes(*plain_spacing(texts.data, texts.offsets, wanted))


def _decoded(text: str, flags: int) -> str:
    """The text without entities and mojibake, composed."""
    if flags & ENTITY:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if text.isascii() or (not flags & (ENTITY | SUSPECT) and unicodedata.is_normalized("NFC", text)):
        return text
    return unicodedata.normalize("NFC", ftfy.fix_text(text, _FTFY))
