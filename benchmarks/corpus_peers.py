"""The best cleaning chain that can be put together from others' libraries; runs in their own environment.

    python -m benchmarks.corpus_peers DOCUMENTS.jsonl CLEANED.parquet

It imports nothing of the project. For every line on its input it cleans the documents once, from file to file, and
prints one line of JSON: seconds of each step, and the numbers of the documents it keeps. For each step the fastest
library that decides as we do was taken, and given what helps it: words are split once a document, at white space,
instead of by datatrove's own tokenizer each time; ASCII does not meet ftfy; the language is told by the first 1,000
characters; of Gopher's repetition only our thresholds are tested.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import ftfy
import polars as pl
import pycld2
import xxhash
from datatrove.data import Document
from datatrove.pipeline.filters import gopher_quality_filter, gopher_repetition_filter
from datatrove.pipeline.formatters.pii import PIIFormatter

from benchmarks.minhash_peers import rensa, shingled

LIMITS = ((2, 0.20), (3, 0.18), (4, 0.16)), ((5, 0.15), (10, 0.10))
FTFY = ftfy.TextFixerConfig(
    unescape_html=False, fix_character_width=False, uncurl_quotes=False, normalization="NFC", explain=False
)
ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
INVISIBLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffd]"


@lru_cache(maxsize=1)
def words_of(text: str, language: str = "en") -> list[str]:
    """Words at white space; the same text, asked for by one filter after another, is split once."""
    return text.split()


gopher_quality_filter.split_into_words = words_of
gopher_repetition_filter.split_into_words = words_of


class Chain:
    """The steps, and what they took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._quality = gopher_quality_filter.GopherQualityFilter(
            min_doc_words=50, max_doc_words=1_000_000, min_stop_words=None
        )
        top, duplicate = LIMITS
        self._repetition = gopher_repetition_filter.GopherRepetitionFilter(
            dup_para_frac=None, dup_line_char_frac=None, dup_para_char_frac=None, top_n_grams=top, dup_n_grams=duplicate
        )
        self._pii = PIIFormatter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the time within to the step."""
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def run(self, source: Path, output: Path) -> list[int]:
        """Cleans from file to file; returns the numbers of the lines kept."""
        with self.step("read"):
            frame = pl.read_ndjson(source).with_row_index("row")
        with self.step("repair"):
            frame = frame.with_columns(pl.Series("text", [decoded(text) for text in frame["text"]]))
            frame = frame.with_columns(spaced(pl.col("text")))
        documents = [Document(text, str(row)) for row, text in frame.select("row", "text").iter_rows()]
        with self.step("language"):
            documents = [document for document in documents if is_english(document.text)]
        with self.step("quality"):  # length included
            documents = [document for document in documents if self._quality.filter(document) is True]
        with self.step("repetition"):
            documents = [document for document in documents if self._repetition.filter(document) is True]
        with self.step("personal data"):
            for document in documents:
                document.text = self._pii.format(document.text)
        with self.step("exact duplicates"):
            documents = first_of_each(documents)
        with self.step("near duplicates"):
            documents = without_near_duplicates(documents)
        with self.step("write"):
            texts = [document.text for document in documents]
            ids = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
            pl.DataFrame({"id": ids, "text": texts}).write_parquet(output, compression="zstd", compression_level=1)
        return [int(document.id) for document in documents]


def decoded(text: str) -> str:
    """The text without entities and mojibake."""
    if "&" in text:
        text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return text if text.isascii() else ftfy.fix_text(text, FTFY)


def spaced(texts: pl.Expr) -> pl.Expr:
    """The texts with plain white space."""
    texts = texts.str.replace_all(r"\r\n?|[\x85\u2028\u2029]", "\n").str.replace_all(INVISIBLE, "")
    texts = texts.str.replace_all(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+", " ").str.replace_all(r" ?\n ?", "\n")
    return texts.str.replace_all(r"\n{3,}", "\n\n").str.strip_chars()


def is_english(text: str) -> bool:
    """Whether the beginning is."""
    head = text[:1000].encode()
    found: Any = pycld2.detect(head, bestEffort=True)[2][0]
    return bool(found[1] == "en")


def first_of_each(documents: list[Document]) -> list[Document]:
    """Without those that differ from an earlier one in white space and case alone."""
    firsts: dict[bytes, Document] = {}
    for document in documents:
        firsts.setdefault(xxhash.xxh3_128_digest("".join(document.text.casefold().split()).encode()), document)
    return list(firsts.values())


def without_near_duplicates(documents: list[Document]) -> list[Document]:
    """Without those that resemble an earlier one."""
    dropped, _ = rensa(shingled([document.text for document in documents]))
    return [document for row, document in enumerate(documents) if row not in dropped]


def main() -> None:
    """Cleans once for every line read."""
    source, output = map(Path, sys.argv[1:])
    for _ in sys.stdin:
        chain = Chain()
        began, processor = time.perf_counter(), time.process_time()
        kept = chain.run(source, output)
        took = {"wall": time.perf_counter() - began, "processor": time.process_time() - processor}
        print(json.dumps({**took, "steps": chain.seconds, "kept": kept}), flush=True)


if __name__ == "__main__":
    main()
