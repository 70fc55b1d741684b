"""What a tokenizer makes of text that it has not learned from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from data.document import iter_texts
from data.language import split_words
from data.tokenizer.model import Tokenizer
from data.vocabulary import SPECIALS

_REPORT_BYTES = 1_000_000


def tokenizer_report(tokenizer: Tokenizer, corpus: Path) -> dict[str, Any]:
    """Measures on the first megabyte of the validation split (if that is less, of the train split too).

    Returns:
        By language, tokens per word (Chinese and Japanese characters count as words) and per character; bytes per
        token; texts decoded again and how many came back equal; the share of tokens that are unknown or single bytes
        other than line breaks and tabs.
    """
    single_bytes = {index for index, piece in enumerate(tokenizer.pieces) if re.fullmatch(r"<0x[0-9A-F]{2}>", piece)}
    counted = (single_bytes | {SPECIALS.unk}) - {tokenizer.pieces.index("<0x0A>"), tokenizer.pieces.index("<0x09>")}
    sums: dict[str, Counter[str]] = {}
    in_bytes = exact = 0
    for text, language in _texts(corpus):
        ids = tokenizer.encode(text)
        sums.setdefault(language, Counter()).update(
            documents=1, tokens=len(ids), words=len(split_words(text)), characters=len(text), bytes=len(text.encode())
        )
        in_bytes += sum(token_id in counted for token_id in ids)
        exact += tokenizer.decode(ids) == text
    tokens = max(1, sum(each["tokens"] for each in sums.values()))
    return {
        "fertility": {
            language: {
                "documents": each["documents"],
                "tokens_per_word": each["tokens"] / max(1, each["words"]),
                "tokens_per_character": each["tokens"] / max(1, each["characters"]),
            }
            for language, each in sorted(sums.items())
        },
        "bytes_per_token": sum(each["bytes"] for each in sums.values()) / tokens,
        "round_trip": {"checked": sum(each["documents"] for each in sums.values()), "exact": exact},
        "unk_or_byte_share": in_bytes / tokens,
    }


def _texts(corpus: Path) -> Iterator[tuple[str, str]]:
    left = _REPORT_BYTES
    columns = ("text", "language")
    for batch in chain(iter_texts(corpus, "validation", columns), iter_texts(corpus, "train", columns)):
        for text, language in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
            if left <= 0:
                return
            left -= len(text.encode())
            yield text, language
