"""Exam `pseudo_perplexity`: how well a masked model predicts each token of held-out documents from both sides.

Every scored token costs a row of its own, so a few thousand tokens are scored, in pieces of the trained length.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from data.config import Count
from data.packing import Ints
from data.shards import Shards
from lightning_modules.baselines.unigram import token_nll
from lightning_modules.exams.base import Exam, Reading, Results, Sitting
from lightning_modules.exams.documents import named_pieces
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring.language_model import open_test
from lightning_modules.scoring.results import Comparison, TestSet, utf8_bytes
from lightning_modules.scoring.token_likelihood import Floats, WithinWord, masked_nll


class PseudoPerplexity(Exam):
    """Settings of `pseudo_perplexity`."""

    exam: Literal["pseudo_perplexity"]
    tokens: Count = Field(4_000, gt=0)
    """About so many tokens of the test split are scored, in documents drawn by the seed."""
    length: int | None = Field(None, gt=3)
    """Positions of a piece, bos and eos included; null: as the last stage read at once."""
    within_word: WithinWord = "l2r"
    """What else of its word is hidden with a token."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Masked only."""
        return frozenset({"masked"})

    def reads(self) -> dict[str, str]:
        """The tokens, and the corpus that they are of."""
        return {"tokens": "tokens", "corpus": "corpus"}

    def run(self, sitting: Sitting) -> Results:
        """Scores every network and the unigram model on the same pieces."""
        tokens = sitting.folders["tokens"]
        test, train = open_test(tokens), Shards.open(tokens, "train")
        pieces = named_pieces(
            test, sitting.folders["corpus"], (self.length or sitting.sequence_length) - 2, self.tokens, sitting.seed
        )
        texts = [piece.ids for piece in pieces]
        sizes = utf8_bytes([sitting.tokenizer.decode(text.tolist()) for text in texts])
        vocabulary = sitting.tokenizer.vocabulary
        trained = {
            name: _outputs(
                masked_nll(trunk, texts, vocabulary, self.within_word, sitting.hardware, sitting.reporting(name)),
                texts,
                sizes,
            )
            for name, trunk in sitting.networks.items()
        }
        unigram_V = token_nll(train)
        metric = "pseudo_perplexity_l2r" if self.within_word == "l2r" else "pseudo_perplexity"
        return Results(
            Comparison(
                test=TestSet([piece.id for piece in pieces], [piece.source for piece in pieces]),
                metrics=[METRICS[metric]("")],
                trained=trained,
                baselines={"unigram": _outputs([unigram_V[text] for text in texts], texts, sizes)},
                resamples=sitting.resamples,
                seed=sitting.seed,
            )
        )


def _outputs(nll: list[Floats], texts: list[Ints], sizes: Floats) -> Outputs:
    return Outputs(
        nll_N=np.array([float(own.sum()) for own in nll]),
        tokens_N=np.array([float(len(text)) for text in texts]),
        bytes_N=sizes,
    )
