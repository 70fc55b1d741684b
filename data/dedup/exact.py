"""Exact duplicates: texts that differ in nothing but white space and case."""

import hashlib

from data.text import TextColumn
from data.text.folding import without_case_and_space


def exact_keys(texts: TextColumn) -> list[bytes]:
    """Equal for texts that are the same but for white space and case: sha256 of what is left without them."""
    return [hashlib.sha256(text).digest() for text in without_case_and_space(texts.data, texts.offsets)]
