"""What a tokenizer learns from: documents drawn by their hash, cut into lines the trainer accepts."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

import pyarrow.compute as pc

from data.document import draw, iter_texts
from data.tokenizer.config import TokenizerConfig

PIECE_CHARACTERS = 1000
_PIECE = re.compile(rf".{{1,{PIECE_CHARACTERS}}}(?:(?<=。)|(?=\s)|\Z)|.{{1,{PIECE_CHARACTERS}}}")
"""At most 1,000 characters of a line: cut before white space or after 。, or anywhere where there is neither."""
_RESERVED = "\u2585"
"""The trainer skips every piece of text that holds this character."""
_BOUNDARY = "\t"
"""The trainer learns no piece across this character, nor one that holds it."""
_THOUSANDS = re.compile(r"(?<=[0-9\uff10-\uff19])(?=(?:[0-9\uff10-\uff19]{3})+(?![0-9\uff10-\uff19]))")
_EXPONENTS = {"natural": 1.0, "temperature": 0.3, "equal": 0.0}


def sample_texts(corpus: Path, config: TokenizerConfig, seed: int) -> list[str]:
    """Draws documents of the train split until they fill `config.sample_bytes`.

    Independent of the order the documents come in. Of each language those drawn lowest are taken.
    """
    if config.sample_by_language == "natural":
        texts = (text for batch in iter_texts(corpus, "train") for text in batch.column("text").to_pylist())
        return _drawn_lowest(texts, config.sample_bytes, seed)
    sizes = _bytes_by_language(corpus)
    exponent = _EXPONENTS[config.sample_by_language]
    weights = {language: size**exponent for language, size in sorted(sizes.items())}
    budget = min(config.sample_bytes, sum(sizes.values()))
    sample: list[str] = []
    for language, weight in weights.items():
        part = int(budget * weight / sum(weights.values()))
        sample += _repeated(_drawn_lowest(_texts_of(corpus, language), part, seed), part)
    return sample


def training_lines(texts: Iterable[str], digits: str) -> Iterator[str]:
    """Cuts texts into lines of at most 1,000 characters, because the trainer silently skips long ones."""
    for text in texts:
        for line in _PIECE.findall(text.replace(_RESERVED, " ")):
            if not line.isspace():
                yield _THOUSANDS.sub(_BOUNDARY, line) if digits == "groups" else line


def _drawn_lowest(texts: Iterable[str], sample_bytes: int, seed: int) -> list[str]:
    """Returns the texts drawn lowest that fit, but one at least, in the order of the draw."""
    heap: list[tuple[float, str, int]] = []
    kept_bytes = 0
    for text in texts:
        size = len(text.encode())
        heapq.heappush(heap, (-draw(text, seed), text, size))
        kept_bytes += size
        while kept_bytes > sample_bytes and len(heap) > 1:
            kept_bytes -= heapq.heappop(heap)[2]
    return [text for _, text, _ in sorted(heap, reverse=True)]


def _repeated(texts: list[str], sample_bytes: int) -> list[str]:
    """Reads the texts again and again while there is room for the next one."""
    repeated: list[str] = []
    left = sample_bytes
    for text in cycle(texts):
        left -= len(text.encode())
        if left < 0:
            break
        repeated.append(text)
    return repeated or texts


def _bytes_by_language(corpus: Path) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for batch in iter_texts(corpus, "train", ("text", "language")):
        lengths = pc.binary_length(batch.column("text")).to_pylist()
        for language, size in zip(batch.column("language").to_pylist(), lengths, strict=True):
            sizes[language] += size
    return sizes


def _texts_of(corpus: Path, language: str) -> Iterator[str]:
    for batch in iter_texts(corpus, "train", ("text", "language")):
        yield from batch.filter(pc.equal(batch.column("language"), language)).column("text").to_pylist()
