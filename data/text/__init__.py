"""Texts as a column of UTF-8 bytes, and what is counted in it: words, lines, characters, repeats.

Everything here works on all documents of a batch in one compiled loop over their bytes; no Python object is made for a
word or a line. Shapes: N documents, W words, L lines of all documents in their order.
"""

from data.text.column import TextColumn
from data.text.lines import Lines
from data.text.words import Words

__all__ = ["Lines", "TextColumn", "Words"]
