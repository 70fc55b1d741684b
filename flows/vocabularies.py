"""Tokenizers of several sizes on one corpus, judged without a network.

Losses per token cannot be compared between vocabularies, for their tokens are of different length; bits per byte can.
Two models without a network bound what a small one would reach: the frequencies of the tokens alone, which a larger
vocabulary always helps, and an n-gram model, which it helps only while there is text enough for its longer contexts.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.document import iter_texts
from data.packing import pack
from data.shards import Shards, write_shards
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer
from data.views import ViewContext
from data.views.causal_lm import CausalLMView, CausalLMViewConfig
from data.vocabulary import Vocabulary
from flows.plan import Plan
from flows.recipe import said_at
from flows.report import live
from lightning_modules.baselines.ngram import ngram_loss
from lightning_modules.baselines.unigram import unigram_nll

_ORDER = 4
_SEQUENCE_LENGTH = 256
_TIMED_BATCHES = 4


@dataclass(frozen=True)
class MeasuredVocabulary:
    """One tokenizer, and what it makes of the corpus's validation split."""

    algorithm: str
    vocab_size: int
    training_seconds: float
    report: dict[str, Any]
    """See `data.tokenizer.report.tokenizer_report`."""
    unigram_bits_per_byte: float
    """Under the tokens' frequencies in the train split."""
    ngram_bits_per_byte: float
    """Under an interpolated model of four tokens."""
    megabytes_per_second: float
    """Encoded, on one thread."""


def compare_vocabularies(plan: Plan, sizes: Sequence[str], algorithms: Sequence[str]) -> list[MeasuredVocabulary]:
    """Trains a tokenizer of each size by each algorithm, everything else as in the recipe, and measures it.

    Raises:
        MissingInput: the recipe's corpus has not been built.
        RecipeError: a size or an algorithm that no tokenizer can have.
    """
    given = plan.recipe.tokenizer.model_dump()
    with said_at("tokenizer compare"):
        configs = [
            TokenizerConfig.model_validate(given | {"algorithm": algorithm.strip(), "vocab_size": size.strip()})
            for algorithm, size in product(algorithms, sizes)
        ]
    corpus = plan.folder(f"corpus/{plan.recipe.name}")
    measured = []
    for config in configs:
        live.note(f"{config.algorithm} of {config.vocab_size:,} pieces ...")
        with tempfile.TemporaryDirectory() as folder:
            measured.append(_measure(config, corpus, Path(folder), plan.recipe.seed))
    return measured


def _measure(config: TokenizerConfig, corpus: Path, folder: Path, seed: int) -> MeasuredVocabulary:
    started = time.perf_counter()
    report = train_tokenizer(config, corpus, folder, seed=seed)
    training_seconds = time.perf_counter() - started
    tokenizer = Tokenizer.load(folder)
    write_shards(corpus, tokenizer, folder)
    train, validation = Shards.open(folder, "train"), Shards.open(folder, "validation")
    to_bits_per_byte = 1.0 / math.log(2.0) / int(validation.document_bytes.sum())
    context = ViewContext(Vocabulary.load(folder), _SEQUENCE_LENGTH, "shifted")
    predicted = pack(validation.offsets, _SEQUENCE_LENGTH).lengths_W - 1  # all of a window but its bos
    view = CausalLMView(CausalLMViewConfig(), context)
    everything = int(predicted.sum()) + _SEQUENCE_LENGTH * len(predicted)
    nats = ngram_loss([train], validation, view, order=_ORDER, max_positions=everything, seed=seed)
    return MeasuredVocabulary(
        algorithm=config.algorithm,
        vocab_size=config.vocab_size,
        training_seconds=training_seconds,
        report=report,
        unigram_bits_per_byte=float(unigram_nll(train, validation).sum()) * to_bits_per_byte,
        ngram_bits_per_byte=nats * int(predicted.sum()) * to_bits_per_byte,
        megabytes_per_second=_megabytes_per_second(tokenizer, corpus),
    )


def _megabytes_per_second(tokenizer: Tokenizer, corpus: Path) -> float:
    batches = [batch.column("text") for batch in islice(iter_texts(corpus, "train"), _TIMED_BATCHES)]
    texts = pa.concat_arrays(batches)
    started = time.perf_counter()
    tokenizer.encode_arrays(texts)
    return float(texts.nbytes) / 1e6 / (time.perf_counter() - started)
