"""The rules said once more in plain Python, one text at a time: what the compiled ones must agree with."""

import html
import re
import unicodedata
from collections import Counter

import ftfy

from data.cleaning.boilerplate import _PHRASES
from data.cleaning.repair import _FTFY
from data.language import is_unspaced, split_words

ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u206f\ufeff\ufff9-\ufffd]"
)


def lowered(word: str) -> str:
    """One character for one."""
    return "".join({"İ": "i", "Σ": "σ", "ς": "σ"}.get(character) or character.lower() for character in word)


def repair(text: str) -> str:
    text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", ftfy.fix_text(text, _FTFY))
    text = re.sub("\r\n|[\r\x0b\x0c\x1c-\x1e\u0085\u2028\u2029]", "\n", text)
    text = INVISIBLE.sub("", text)
    text = re.sub("[ \t\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+", " ", text)
    text = re.sub(" *\n *", "\n", text)
    return re.sub("\n{3,}", "\n\n", text).strip()


def boilerplate(text: str, max_characters: int = 80) -> str:
    lines = text.split("\n")
    kept = [line for line in lines if len(line) > max_characters or not _PHRASES.search(line)]
    return text if len(lines) == 1 or len(kept) == len(lines) else "\n".join(kept).strip()


def length(text: str, min_words: int = 5, min_characters: int = 8, max_words: int = 60) -> str | None:
    count = len(split_words(text))
    if count < (min_characters if is_unspaced(text) else min_words):
        return "too_short"
    return "too_long" if count > max_words else None


def repetition(text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if lines and 1 - len(set(lines)) / len(lines) > 0.3:
        return "duplicate_lines"
    words, scale = [lowered(word) for word in split_words(text)], 2 if is_unspaced(text) else 1
    for n, limit in ((2, 0.20), (3, 0.18), (4, 0.16)):
        top = max(Counter(_grams(words, n * scale)).values(), default=0)
        if top > 1 and min(1.0, top * n * scale / len(words)) > limit:
            return f"top_{n}_gram"
    for n, limit in ((5, 0.15), (10, 0.10)):
        grams = _grams(words, n * scale)
        if grams and 1 - len(set(grams)) / len(grams) > limit:
            return f"duplicate_{n}_grams"
    return None


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]


def quality(text: str) -> str | None:
    words, unspaced = split_words(text), is_unspaced(text)
    count = len(words) or 1
    if len(re.findall(r"#|…{1,2}|\.{3,6}", text)) > 0.1 * count:
        return "symbols"
    if sum(re.search(r"[^\W\d_]", word) is not None for word in words) < (0.6 if unspaced else 0.8) * count:
        return "few_letters"
    spaced = [word for word in words if len(word) > 1 or word.isascii()]
    if not unspaced and not 3.0 <= sum(map(len, spaced)) / (len(spaced) or 1) <= 10.0:
        return "word_length"
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    if len(lines) > 1 and sum(line.startswith(tuple("-*•●▪◦·")) for line in lines) > 0.9 * len(lines):
        return "bullets"
    if len(lines) > 1 and sum(line.endswith(("…", "...")) for line in lines) > 0.3 * len(lines):
        return "ellipses"
    return None
