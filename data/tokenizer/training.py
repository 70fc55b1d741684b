"""The `tokenizer` artifact: a sentencepiece model, its pieces, and what they cost on held-out text."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from data.faults import reach
from data.tokenizer.config import TokenizerConfig
from data.tokenizer.model import MODEL_FILE, Tokenizer
from data.tokenizer.rare import without_rare_pieces
from data.tokenizer.report import tokenizer_report
from data.tokenizer.sample import PIECE_CHARACTERS, sample_texts, training_lines
from data.vocabulary import SPECIALS, VOCABULARY_FILE, special_piece

_MAX_LINE_BYTES = 4 * PIECE_CHARACTERS


def train_tokenizer(config: TokenizerConfig, corpus: Path, output: Path, *, seed: int) -> dict[str, Any]:
    """Trains a tokenizer on the corpus's train split and writes the `tokenizer` artifact.

    Args:
        config: size, algorithm and so on.
        corpus: folder of a `corpus` artifact.
        output: an existing folder.
        seed: draws the sample.

    Returns:
        What `report.json` holds: that of `tokenizer_report`, and documents and bytes learned from.

    Raises:
        ValueError: the vocabulary is larger than the text can give, or too small for its characters.
    """
    sample = sample_texts(corpus, config, seed)
    model = train_model(config, sample)
    reach("tokenizer/trained")
    tokenizer = Tokenizer(model)
    learned_from = {"documents": len(sample), "bytes": sum(len(text.encode()) for text in sample)}
    report = tokenizer_report(tokenizer, corpus) | {"sample": learned_from}
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


def train_model(config: TokenizerConfig, texts: Sequence[str]) -> bytes:
    """Returns the content of `tokenizer.model`.

    Raises:
        ValueError: see `train_tokenizer`.
    """
    if not config.min_piece_count:
        return _train(config, texts, config.vocab_size)
    return without_rare_pieces(config, texts, lambda size: _train(config, texts, size))


def _train(config: TokenizerConfig, texts: Sequence[str], vocab_size: int) -> bytes:
    model = io.BytesIO()  # no file names: the trainer would write them into the model
    first_four = {f"{name}_{part}": value for name in ("pad", "unk", "bos", "eos") for part, value in _meta(name)}
    # Written into the model when given, though it says nothing.
    user_symbols: dict[str, Any] = {"user_defined_symbols": list(config.user_symbols)} if config.user_symbols else {}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=training_lines(texts, config.digits),
            model_writer=model,
            model_type=config.algorithm,
            vocab_size=vocab_size,
            character_coverage=config.character_coverage,
            normalization_rule_name=config.normalization,
            max_sentencepiece_length=config.max_piece_characters,
            split_digits=config.digits == "single",
            byte_fallback=True,
            add_dummy_prefix=False,
            remove_extra_whitespaces=config.whitespace == "collapse",
            allow_whitespace_only_pieces=True,
            control_symbols=[special_piece(name) for name in list(SPECIALS.by_name())[4:]],
            max_sentence_length=_MAX_LINE_BYTES,
            num_threads=1,  # the unigram trainer gives another vocabulary for another number of threads
            minloglevel=2,
            **first_four,
            **user_symbols,
        )
    except RuntimeError as error:
        raise _in_words(vocab_size, str(error)) from error
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).vocab_size()
    if pieces < vocab_size:  # the bpe trainer stops short without an error
        raise _too_large(vocab_size, pieces)
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


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False), encoding="utf-8")
