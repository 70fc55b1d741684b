"""Subword tokenizer: trained on a sample of the corpus, lossless, the same to the byte on every machine.

Specials are control symbols: no text is ever encoded as one, not even the characters `<|bos|>` themselves. There is no
dummy space in front of a text, so encodings join: decode(a + b) = decode(a) + decode(b) for whole characters.
Source: Kudo and Richardson 2018, arXiv:1808.06226; unigram: Kudo 2018, arXiv:1804.10959.
"""

from data.tokenizer.config import TokenizerConfig
from data.tokenizer.model import MODEL_FILE, Tokenizer
from data.tokenizer.training import train_tokenizer

__all__ = ["MODEL_FILE", "Tokenizer", "TokenizerConfig", "train_tokenizer"]
