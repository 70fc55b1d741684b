"""Our tokenizer as the tokenizer.json of the `tokenizers` library, which `AutoTokenizer` opens.

How the two come to equal ids. Pieces are written with real spaces, so a text is read as it is, and the character ▁ has
no piece and goes in bytes, as with us. The pieces of bytes and specials must not be found in a text, but unigram looks
all pieces up: a text that spells one, such as '<0x0A>', is first cut inside it, where no piece ever lies across, since
the trainer keeps Latin letters apart from signs and digits.

One difference is left, in unigram only: in a run of one character or pattern (dots, spaces) several cuts may have
exactly the same probability. sentencepiece adds in 32 bits, so that rounding chooses, by all the text before;
`tokenizers` adds in 64 bits and takes the first.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from data.tokenizer import MODEL_FILE, Tokenizer
from data.vocabulary import SPACE, SPECIALS, special_piece
from lightning_modules.export.targets import Target

_SPELLED_PIECE = r"<0(?=x[0-9A-F]{2}>)|<\|(?=\w+\|>)"
_ROLES = {
    "pad_token": "pad",
    "unk_token": "unk",
    "bos_token": "bos",
    "cls_token": "bos",
    "eos_token": "eos",
    "sep_token": "sep",
    "mask_token": "mask",
}
"""What transformers calls a special -> what we call it."""


def write_tokenizer(folder: Path, output: Path, target: Target, max_positions: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json, and beside them sentencepiece's own tokenizer.model.

    A text gets bos in front, as every sample in training, and behind it eos where the target reads whole texts; a pair
    is joined by sep. Unlike with us, a text that spells a special ('<|mask|>') gives the special: fill-mask needs it.
    `AutoTokenizer.from_pretrained(folder, split_special_tokens=True)` reads such text as text.

    Args:
        folder: of a `tokenizer` artifact.
        output: an existing folder.
        target: decides what stands around a text, and on which side padding does.
        max_positions: of the network.

    Raises:
        ValueError: the tokenizer changes texts before it cuts them.
    """
    tokenizer = Tokenizer.load(folder)
    if not tokenizer.lossless:
        raise ValueError(
            f"{folder}: trained with tokenizer.normalization nfkc or nfkc_cf, whose tables `tokenizers` applies to "
            "whole clusters of characters, losing combining marks, or with tokenizer.whitespace collapse; only "
            "'identity' and 'keep' are exported with equal ids"
        )
    algorithm = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["algorithm"]
    causal = target.attention == "causal"
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            *(_added(name, token_id) for name, token_id in SPECIALS.by_name().items()),
            *(_matched(symbol, token_id) for symbol, token_id in tokenizer.user_symbols.items()),
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": _SPELLED_PIECE},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "post_processor": _template([] if causal else ["eos"]),
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": _unigram(tokenizer) if algorithm == "unigram" else _bpe(tokenizer),
    }
    settings = {
        **{role: special_piece(name) for role, name in _ROLES.items()},
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": max_positions,
        "padding_side": "left" if causal else "right",
        "clean_up_tokenization_spaces": False,
    }
    for name, written in (("tokenizer.json", content), ("tokenizer_config.json", settings)):
        (output / name).write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(folder / MODEL_FILE, output / MODEL_FILE)


def _texts(tokenizer: Tokenizer) -> list[str]:
    return [piece.replace(SPACE, " ") for piece in tokenizer.pieces]


def _unigram(tokenizer: Tokenizer) -> dict[str, Any]:
    vocabulary = list(zip(_texts(tokenizer), tokenizer.scores(), strict=True))
    return {"type": "Unigram", "unk_id": SPECIALS.unk, "byte_fallback": True, "vocab": vocabulary}


def _bpe(tokenizer: Tokenizer) -> dict[str, Any]:
    """Any two neighbours that make a piece are merged, the piece learned first before others, wherever it is cut."""
    texts, scores = _texts(tokenizer), tokenizer.scores()
    learned = range(tokenizer.first_learned, len(texts))
    known = {texts[index] for index in learned}
    merges = [
        (texts[index][:cut], texts[index][cut:])
        for index in sorted(learned, key=scores.__getitem__, reverse=True)
        for cut in range(1, len(texts[index]))
        if texts[index][:cut] in known and texts[index][cut:] in known
    ]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {text: index for index, text in enumerate(texts)},
        "merges": merges,
    }


def _added(name: str, token_id: int) -> dict[str, Any]:
    """A special as text may spell it. The mask takes the space before it along, as the piece of a hidden word does."""
    return _matched(special_piece(name), token_id) | {"lstrip": name == "mask", "special": True}


def _matched(content: str, token_id: int) -> dict[str, Any]:
    """What is one token wherever it stands in a text."""
    stripping = {"single_word": False, "lstrip": False, "rstrip": False}
    return {"id": token_id, "content": content, **stripping, "normalized": False, "special": False}


def _template(closing: list[str]) -> dict[str, Any]:
    """What stands around a text and between two; `closing` ends the last."""

    def special(name: str, part: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": special_piece(name), "type_id": part}}

    first, second = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    ids = SPECIALS.by_name()
    return {
        "type": "TemplateProcessing",
        "single": [special("bos", 0), first, *(special(name, 0) for name in closing)],
        "pair": [special("bos", 0), first, special("sep", 0), second, *(special(name, 1) for name in closing)],
        "special_tokens": {
            piece: {"id": piece, "ids": [ids[name]], "tokens": [piece]}
            for name in ("bos", "sep", *closing)
            for piece in [special_piece(name)]
        },
    }
