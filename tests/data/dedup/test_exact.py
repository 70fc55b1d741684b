import hashlib

from data.dedup import exact_keys
from data.text import TextColumn


def test_exact_keys_ignore_case_and_white_space_only() -> None:
    texts = [
        "The cat\n sat",
        "the CAT sat ",
        "语言 模型",
        "语言模型",
        "The cat sat.",
        "STRASSE",
        "Straße",
        "ὈΔΟΣ",
        "ὀδος",
    ]
    keys = exact_keys(TextColumn(texts))

    assert keys == [hashlib.sha256("".join(text.casefold().split()).encode()).digest() for text in texts]
    assert [keys.index(key) for key in keys] == [0, 0, 2, 2, 4, 5, 5, 7, 7]
