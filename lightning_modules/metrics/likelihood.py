"""How well a language model predicts text.

All divide the same sum of nats. Bits per byte is comparable between tokenizers, because bytes do not depend on them,
and so is the perplexity per word; that per token only between models with one tokenizer. None may be averaged over
documents: sums are divided once. A token after the document's start marker is scored, the marker itself is not; label
smoothing is never part of them.
"""

import math
from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs, Reads


class BitsPerByte(Metric):
    """Sum of nll / (ln 2 x UTF-8 bytes)."""

    name: ClassVar[str] = "bits_per_byte"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    reads: ClassVar[Reads] = "likelihood"
    signature = "bits_per_byte|unit:utf-8-byte|eos:scored|bos:context"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): nats, bytes."""
        return np.stack([outputs.nll_N, outputs.bytes_N], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns bits per byte."""
        return sums[..., 0] / (math.log(2) * sums[..., 1])


class Perplexity(Metric):
    """exp(sum of nll / tokens), at least 1."""

    name: ClassVar[str] = "perplexity"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    reads: ClassVar[Reads] = "likelihood"
    per_token: ClassVar[bool] = True
    signature = "perplexity|unit:token|eos:scored|bos:context"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): nats, tokens."""
        return np.stack([outputs.nll_N, outputs.tokens_N], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns the perplexity per token."""
        return np.exp(sums[..., 0] / sums[..., 1])


class WordPerplexity(Metric):
    """exp(sum of nll / words), words being what white space divides and single characters of Han and kana."""

    name: ClassVar[str] = "word_perplexity"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    reads: ClassVar[Reads] = "words"
    signature = "word_perplexity|unit:word, character of Han and kana|eos:scored|bos:context"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): nats, words."""
        return np.stack([outputs.nll_N, outputs.words_N], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns the perplexity per word, at most e^700: text that no space divides has few words, and floats end."""
        return np.exp(np.minimum(sums[..., 0] / sums[..., 1], 700.0))
