"""Subword tokenizer: trained on a sample of the corpus, lossless, the same to the byte on every machine.

Specials are control symbols: no text is ever encoded as one, not even the characters `<|bos|>` themselves. There is no
dummy space in front of a text, so encodings join: decode(a + b) = decode(a) + decode(b) for whole characters.
Source: Kudo and Richardson 2018, arXiv:1808.06226; unigram: Kudo 2018, arXiv:1804.10959.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import sentencepiece
from pydantic import Field

from data.config import Config, Count
from data.document import draw, iter_texts
from data.faults import reach
from data.language import split_words
from data.vocabulary import SPACE, SPECIALS, VOCABULARY_FILE, Vocabulary, special_piece

MODEL_FILE = "tokenizer.model"
_PIECE_CHARACTERS = 1000
_PIECE = re.compile(rf".{{1,{_PIECE_CHARACTERS}}}(?:(?<=。)|(?=\s)|\Z)|.{{1,{_PIECE_CHARACTERS}}}")
"""At most 1,000 characters of a line: cut before white space or after 。, or anywhere where there is neither."""
_MAX_PIECE_BYTES = 4 * _PIECE_CHARACTERS
_RESERVED = "\u2585"
"""The trainer skips every piece of text that holds this character."""
_REPORT_BYTES = 1_000_000


class TokenizerConfig(Config):
    """How the tokenizer is trained."""

    algorithm: Literal["unigram", "bpe"] = "unigram"
    vocab_size: Count = Field(8192, ge=512)
    """Pieces in all: specials, 256 bytes and what is learned."""
    character_coverage: float = Field(0.9995, gt=0.9, le=1.0)
    """Share of the sample's characters that get a piece; rarer characters are written in bytes."""
    sample_bytes: Count = Field(100_000_000, gt=0)
    """UTF-8 bytes of text to learn from. Larger corpora are sampled by document."""
    normalization: Literal["identity", "nfkc", "nfkc_cf"] = "identity"
    """`nfkc` folds widths and compatibility forms, `nfkc_cf` also case. Only `identity` is lossless."""
    split_digits: bool = True
    """Every digit is a piece of its own."""
    max_piece_characters: int = Field(16, ge=2, le=64)


class Tokenizer:
    """Text to ids and back."""

    def __init__(self, model: bytes) -> None:
        """Opens the content of `tokenizer.model`."""
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.sha256 = hashlib.sha256(model).hexdigest()
        self.pieces: list[str] = [self._processor.id_to_piece(index) for index in range(self._processor.vocab_size())]
        self.vocabulary = Vocabulary.from_pieces(self.pieces)
        self._space_character = [self.pieces.index(f"<0x{byte:02X}>") for byte in SPACE.encode()]

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Opens a `tokenizer` artifact."""
        return cls((folder / MODEL_FILE).read_bytes())

    @property
    def vocab_size(self) -> int:
        """Pieces in all."""
        return len(self.pieces)

    def scores(self) -> list[float]:
        """Returns the score of each piece: its log-probability (unigram), or minus its place in the merges (bpe)."""
        return [self._processor.get_score(index) for index in range(self.vocab_size)]

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the text alone, without bos or eos."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[list[int]]:
        """Encodes many texts; the number of threads changes the speed only."""
        encoded: list[list[int]] = self._processor.encode(list(texts), num_threads=threads)
        for index, text in enumerate(texts):
            if SPACE in text:  # pieces write a space with this character, so the character itself goes in bytes
                first, *others = text.split(SPACE)
                encoded[index] = self.encode(first)
                for part in others:
                    encoded[index] += self._space_character + self.encode(part)
        return encoded

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text; specials give none, and bytes that are no character give U+FFFD."""
        text: str = self._processor.decode([int(token_id) for token_id in ids])
        return text


def train_tokenizer(config: TokenizerConfig, corpus: Path, output: Path, *, seed: int) -> dict[str, Any]:
    """Trains a tokenizer on the corpus's train split and writes the `tokenizer` artifact.

    Args:
        config: size, algorithm and so on.
        corpus: folder of a `corpus` artifact.
        output: an existing folder.
        seed: draws the sample.

    Returns:
        What `report.json` holds, measured on the first megabyte of the validation split (if that is less, of the train
        split too): by language, tokens per word (Chinese and Japanese characters count as words) and per character;
        bytes per token; texts decoded again and how many came back equal; the share of tokens that are unknown or
        single bytes other than line breaks and tabs; documents and bytes learned from.

    Raises:
        ValueError: the vocabulary is larger than the text can give, or too small for its characters.
    """
    texts = (text for batch in iter_texts(corpus, "train") for text in batch.column("text").to_pylist())
    sample = _sample(texts, config.sample_bytes, seed)
    model = _train(config, sample)
    reach("tokenizer/trained")
    tokenizer = Tokenizer(model)
    learned_from = {"documents": len(sample), "bytes": sum(len(text.encode()) for text in sample)}
    report = _report(tokenizer, corpus) | {"sample": learned_from}
    (output / MODEL_FILE).write_bytes(model)
    _write_json(
        output / "tokenizer.json",
        {
            "algorithm": config.algorithm,
            "vocab_size": tokenizer.vocab_size,
            "specials": SPECIALS.by_name(),
            "sha256": tokenizer.sha256,
        },
    )
    _write_json(output / VOCABULARY_FILE, tokenizer.pieces)
    _write_json(output / "report.json", report)
    reach("tokenizer/written")
    return report


def _sample(texts: Iterable[str], sample_bytes: int, seed: int) -> list[str]:
    """Returns the texts drawn lowest that fit, in the order of the draw: independent of the order they come in."""
    heap: list[tuple[float, str, int]] = []
    kept_bytes = 0
    for text in texts:
        size = len(text.encode())
        heapq.heappush(heap, (-draw(text, seed), text, size))
        kept_bytes += size
        while kept_bytes > sample_bytes and len(heap) > 1:
            kept_bytes -= heapq.heappop(heap)[2]
    return [text for _, text, _ in sorted(heap, reverse=True)]


def training_pieces(texts: Iterable[str]) -> Iterator[str]:
    """Cuts texts into lines of at most 1,000 characters, because the trainer silently skips long ones."""
    for text in texts:
        for piece in _PIECE.findall(text.replace(_RESERVED, " ")):
            if not piece.isspace():
                yield piece


def _train(config: TokenizerConfig, texts: Sequence[str]) -> bytes:
    model = io.BytesIO()  # no file names: the trainer would write them into the model
    first_four = {f"{name}_{part}": value for name in ("pad", "unk", "bos", "eos") for part, value in _meta(name)}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=training_pieces(texts),
            model_writer=model,
            model_type=config.algorithm,
            vocab_size=config.vocab_size,
            character_coverage=config.character_coverage,
            normalization_rule_name=config.normalization,
            max_sentencepiece_length=config.max_piece_characters,
            split_digits=config.split_digits,
            byte_fallback=True,
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            control_symbols=[special_piece(name) for name in list(SPECIALS.by_name())[4:]],
            max_sentence_length=_MAX_PIECE_BYTES,
            num_threads=1,  # the unigram trainer gives another vocabulary for another number of threads
            minloglevel=2,
            **first_four,
        )
    except RuntimeError as error:
        raise _in_words(config.vocab_size, str(error)) from error
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).vocab_size()
    if pieces < config.vocab_size:  # the bpe trainer stops short without an error
        raise _too_large(config.vocab_size, pieces)
    return model.getvalue()


def _meta(name: str) -> list[tuple[str, Any]]:
    return [("id", SPECIALS.by_name()[name]), ("piece", special_piece(name))]


def _in_words(vocab_size: int, message: str) -> Exception:
    if largest := re.search(r"too high .* value <= (\d+)", message):
        return _too_large(vocab_size, int(largest[1]))
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        return ValueError(
            f"tokenizer.vocab_size: {vocab_size:,} given, but the characters of this text need at least "
            f"{int(needed[1]):,}; raise it, or lower tokenizer.character_coverage"
        )
    return RuntimeError(f"training the tokenizer failed: {message}")


def _too_large(vocab_size: int, largest: int) -> ValueError:
    return ValueError(
        f"tokenizer.vocab_size: {vocab_size:,} given, but this text gives at most {largest:,} pieces; "
        "lower it or add text"
    )


def _report(tokenizer: Tokenizer, corpus: Path) -> dict[str, Any]:
    single_bytes = {index for index, piece in enumerate(tokenizer.pieces) if re.fullmatch(r"<0x[0-9A-F]{2}>", piece)}
    counted = (single_bytes | {SPECIALS.unk}) - {tokenizer.pieces.index("<0x0A>"), tokenizer.pieces.index("<0x09>")}
    sums: dict[str, Counter[str]] = {}
    in_bytes = exact = 0
    for text, language in _report_texts(corpus):
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


def _report_texts(corpus: Path) -> Iterator[tuple[str, str]]:
    left = _REPORT_BYTES
    columns = ("text", "language")
    for batch in chain(iter_texts(corpus, "validation", columns), iter_texts(corpus, "train", columns)):
        for text, language in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
            if left <= 0:
                return
            left -= len(text.encode())
            yield text, language


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False), encoding="utf-8")
