"""Exact duplicates: texts that differ in nothing but white space and case."""

import hashlib


def exact_key(text: str) -> bytes:
    """Equal for texts that are the same but for white space and case: sha256 of what is left without them."""
    return hashlib.sha256("".join(text.casefold().split()).encode()).digest()
