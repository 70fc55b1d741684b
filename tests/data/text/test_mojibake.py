import html
import itertools
import re
import unicodedata

import numpy as np
from ftfy import fix_text
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES, is_bad
from hypothesis import given, settings

from data.cleaning.repair import _ENTITY, _FTFY
from data.text import TextColumn
from data.text.mojibake import COMPOSE, ENTITY, SUSPECT, inspect
from tests.data.text.texts import batches


def flags(texts: list[str]) -> np.ndarray:
    column = TextColumn(texts)
    return inspect(column.data, column.offsets)


def alphabet_of_ftfy() -> list[str]:
    """All characters that its expression names, and some of what it leaves to classes."""
    plane = "".join(map(chr, range(0x10000)))
    named = set(re.sub(r"[\x00-\x7f]", "", BADNESS_RE.pattern))
    for characters in MOJIBAKE_CATEGORIES.values():
        named.update(re.findall(f"[{characters}]", plane))
    return sorted({*named, *"aZ09_ .,?!(-\t\nñж语", "\U00020000", "\U0001f600"})


def test_all_short_texts_that_ftfy_takes_for_mojibake_are_suspect() -> None:
    characters = alphabet_of_ftfy()
    pairs = ["".join(pair) for pair in itertools.product(characters, repeat=2)]
    # One character for each way to be in the expression's classes, and all that it names itself.
    kinds: dict[tuple[bool, ...], str] = {}
    for character in characters:
        kind = tuple(re.match(f"[{members}]", character) is not None for members in MOJIBAKE_CATEGORIES.values())
        kinds.setdefault((*kind, character.isalnum(), character.isascii(), character.islower()), character)
    some = sorted({*kinds.values(), *"ÂÃÎÐØÙà√≈‚Äâβ€āŒœВГРСΒΓΞΟЂў× ²"})
    triples = ["".join(triple) for triple in itertools.product(some, repeat=3)]

    for texts in (pairs, triples):
        suspect = flags(texts) & SUSPECT != 0
        missed = [text for text, found in zip(texts, suspect.tolist(), strict=True) if not found and is_bad(text)]
        assert missed == []
    assert (flags(["ØªÙŠ", "ГўВЂВ¬a", "‚Äôs", "a Â b", "it’s “fine” — 5 °C, «été»"]) & SUSPECT != 0).tolist() == [
        *[True] * 4,
        False,
    ]


def test_unflagged_characters_are_composed_and_join_nothing() -> None:
    plain = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    plain = [text for text, flag in zip(plain, flags(plain).tolist(), strict=True) if not flag & (COMPOSE | SUSPECT)]
    seconds = {
        chr(int(unicodedata.decomposition(chr(code)).split()[1], 16))
        for code in range(0x110000)
        if len(unicodedata.decomposition(chr(code)).split()) == 2 and "<" not in unicodedata.decomposition(chr(code))
    }

    assert not any(unicodedata.combining(text) for text in plain)
    assert [text for text in plain if unicodedata.normalize("NFC", text) != text] == []
    assert seconds.isdisjoint(plain)


@given(batches)
@settings(deadline=None)
def test_texts_without_flags_are_what_no_repair_changes(texts: list[str]) -> None:
    for text, flag in zip(texts, flags(texts).tolist(), strict=True):
        if not flag & ENTITY:
            assert _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) == text
        if not flag & (SUSPECT | COMPOSE) and not text.isascii():
            unbroken = re.sub("\r\n|[\r\u2028\u2029]", "\n", text)
            assert fix_text(text, _FTFY) == unbroken
