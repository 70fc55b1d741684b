"""Rule `repair`: one spelling for what was one text before encodings, markup and editors passed over it.

Mojibake is undone (ftfy), HTML entities are read, Unicode is composed (NFC; never NFKC, which would turn Chinese
full-width punctuation into ASCII), control and invisible characters go, white space is made plain.
"""

import html
import re
import unicodedata
from typing import ClassVar

import ftfy

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,  # ftfy leaves entities alone where a '<' is near; html.unescape does not
    remove_terminal_escapes=True,
    fix_character_width=False,  # full-width forms are right in Chinese and Japanese
    uncurl_quotes=False,  # they are how the text was written
    fix_latin_ligatures=True,
    normalization="NFC",
    explain=False,
)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
# Control characters but tab and newline, soft hyphen, zero-width space, word joiner, byte order mark, direction marks.
# Zero-width joiner and non-joiner stay: Indic and Persian words and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffd]"
)
_NEWLINE = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_BLANK = re.compile("[\t\xa0\u2000-\u200a\u202f\u205f\u3000]")
_MARGINS = re.compile(r" +\n|\n +")
_EMPTY_LINES = re.compile(r"\n{3,}")


class RepairConfig(Config):
    """`repair` has no settings."""


class Repair(Rule[RepairConfig]):
    """Repairs; drops nothing."""

    name: ClassVar[str] = "repair"
    Config: ClassVar[type[Config]] = RepairConfig

    def apply(self, batch: TextBatch) -> None:
        """Replaces texts."""
        for index in batch.alive():
            batch.repair(index, self.name, repaired(batch.texts[index]))


def repaired(text: str) -> str:
    """The text in its one spelling; repairing it again changes nothing in ordinary text.

    The ideographic space U+3000, which indents Chinese paragraphs, becomes a plain one with the other blanks.
    """
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", ftfy.fix_text(text, _FTFY))
    text = _NEWLINE.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _BLANK.sub(" ", text)
    while "  " in text:
        text = text.replace("  ", " ")
    text = _MARGINS.sub("\n", text)
    return _EMPTY_LINES.sub("\n\n", text).strip()
