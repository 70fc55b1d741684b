"""What a recipe says of its tokenizer."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from data.config import Config, Count
from data.vocabulary import SPACE, SPECIALS, special_piece

_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")


class TokenizerConfig(Config):
    """How the tokenizer is trained.

    Characters without a piece are always written in bytes (256 pieces are set apart for that): without them a text
    that holds one new character could not be given back, and its loss in bits per byte would mean nothing.
    """

    algorithm: Literal["unigram", "bpe"] = "unigram"
    vocab_size: Count = Field(8192, ge=512)
    """Pieces in all: specials, user symbols, 256 bytes and what is learned. A multiple of 64 multiplies fastest."""
    character_coverage: float = Field(0.9995, gt=0.9, le=1.0)
    """Share of the sample's characters that get a piece; rarer characters are written in bytes."""
    min_piece_count: int = Field(0, ge=0)
    """Pieces that the sample's encoding uses less often give their places to the next ones; 0 keeps all. A single
    character counts wherever it stands. Only for unigram."""
    user_symbols: tuple[str, ...] = ()
    """Strings that are one piece wherever they stand, the longest first: tags, roles, markup."""
    normalization: Literal["identity", "nfkc", "nfkc_cf"] = "identity"
    """`nfkc` folds widths and compatibility forms, `nfkc_cf` also case. Only `identity` is lossless."""
    whitespace: Literal["keep", "collapse"] = "keep"
    """`keep`: runs of spaces are pieces, as code needs, and nothing is lost. `collapse`: a run of spaces becomes one,
    and those at both ends of a text, or beside a user symbol, go."""
    digits: Literal["single", "groups", "runs"] = "single"
    """`single`: every digit is a piece of its own. `groups`: pieces of at most three, learned as thousands are grouped.
    `runs`: of any length."""
    max_piece_characters: int = Field(16, ge=2, le=64)
    sample_bytes: Count = Field(100_000_000, gt=0)
    """UTF-8 bytes of text to learn from. Larger corpora are sampled by document."""
    sample_by_language: Literal["natural", "temperature", "equal"] = "natural"
    """What part of the sample each language gets: that of its bytes, of their power 0.3 (Xue et al. 2021,
    arXiv:2010.11934, section 3.2), or all the same. A language with less text than its part is read again."""

    @property
    def lossless(self) -> bool:
        """Whether decoding gives every text back."""
        return self.normalization == "identity" and self.whitespace == "keep"

    @model_validator(mode="after")
    def _rare_pieces_can_be_replaced(self) -> Self:
        if self.min_piece_count and self.algorithm == "bpe":
            raise ValueError(
                "min_piece_count: bpe learns pieces in the order of their frequency, so none of the next ones is used "
                "more often; leave it 0, or take unigram"
            )
        return self

    @model_validator(mode="after")
    def _symbols_are_plain_text(self) -> Self:
        specials = set(map(special_piece, SPECIALS.by_name()))
        for symbol, times in Counter(self.user_symbols).items():
            if times > 1:
                problem = "is written twice"
            elif symbol in specials or _BYTE_PIECE.fullmatch(symbol):
                problem = "is how a special or a byte is written"
            elif not symbol or SPACE in symbol or "\0" in symbol or any(map(str.isspace, symbol)):
                problem = f"is empty, or holds white space, {SPACE} or a NUL"
            else:
                continue
            raise ValueError(f"user_symbols: {symbol!r} {problem}; choose another one")
        return self
