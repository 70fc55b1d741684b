"""Exam `unconditional_samples`: what a network writes of itself, judged by a second model and by its variety.

The second model is an n-gram model of the training text. Beside the network stand its random twin and real held-out
texts of the same length: what is nearer to those is better, and neither a low perplexity nor a high variety alone is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from data.language import is_unspaced
from data.packing import Ints
from data.shards import Shards
from data.tokenizer import Tokenizer
from data.views.noise import key, permutation
from data.vocabulary import SPECIALS
from lightning_modules.baselines.ngram import ngram_nll, text_grams
from lightning_modules.exams.base import Exam, Reading, Results, Sitting
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.networks import Trunk
from lightning_modules.scoring.inference import inference
from lightning_modules.scoring.language_model import open_test
from lightning_modules.scoring.results import Comparison, TestSet, utf8_bytes

FIT_TOKENS = 2**21
"""At most about so many tokens of the training text, in documents drawn by the seed, make the referee."""
ROWS = 16
"""Texts written at once. Fixed, because every batch has a seed of its own."""
SHOWN = 5


class UnconditionalSamples(Exam):
    """Settings of `unconditional_samples`."""

    exam: Literal["unconditional_samples"]
    samples: int = Field(100, gt=1)
    """Texts that each network writes; variety falls with their number, so only equal numbers compare."""
    max_new_tokens: int = Field(64, gt=1)
    """Longest text; real ones are cut to it."""
    temperature: float = Field(1.0, gt=0.0)
    """Of the softmax that tokens are drawn from."""
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    """Draw among the fewest tokens that hold this probability."""
    order: int = Field(3, ge=2, le=5)
    """Tokens of an n-gram of the referee."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Causal only."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The tokens: train for the referee, test for real texts."""
        return {"tokens": "tokens"}

    def run(self, sitting: Sitting) -> Results:
        """Lets every network write, and judges all texts alike.

        Raises:
            ValueError: the test split is empty.
        """
        tokens = sitting.folders["tokens"]
        test, train = open_test(tokens), Shards.open(tokens, "train")
        written = {name: self._write(sitting, name, trunk) for name, trunk in sitting.networks.items()}
        # As many as there are of real texts, or they could not be paired; all come round again where they are fewer.
        order = permutation(key(sitting.seed, "real texts"), test.documents)
        real = [test.document(order[index % len(order)])[: self.max_new_tokens] for index in range(self.samples)]
        grams = text_grams(_drawn(train, sitting.seed), self.order, ended=True)
        judged = {
            name: self._judge(texts, grams, sitting.tokenizer) for name, texts in {**written, "corpus": real}.items()
        }
        # Words for self-BLEU: where real texts are Chinese, written ones have to be split as Chinese is.
        language = "zh" if any(map(is_unspaced, judged["corpus"].predictions)) else ""
        comparison = Comparison(
            test=TestSet([str(number) for number in range(self.samples)], [""] * self.samples),
            metrics=[
                METRICS[name](language)
                for name in ("referee_perplexity", "distinct_1", "distinct_2", "self_bleu", "repetition")
            ],
            trained={name: judged[name] for name in written},
            baselines={"corpus": judged["corpus"]},
            resamples=sitting.resamples,
            seed=sitting.seed,
            reading=f"referee:{self.order}-gram",
        )
        samples = [
            {"example_id": str(number), "predictions": {name: own.predictions[number] for name, own in judged.items()}}
            for number in range(min(SHOWN, self.samples))
        ]
        lengths = {f"mean_tokens_{name}": float(own.tokens_N.mean()) for name, own in judged.items()}
        return Results(comparison, samples, facts=lengths, language=language)

    def _write(self, sitting: Sitting, system: str, trunk: Trunk) -> list[Ints]:
        decoding = DecodingConfig(max_new_tokens=self.max_new_tokens, temperature=self.temperature, top_p=self.top_p)
        texts: list[Ints] = []
        with inference(sitting.hardware):
            while len(texts) < self.samples:
                rows = min(ROWS, self.samples - len(texts))
                seed = int(key(sitting.seed, "samples", len(texts))[0] >> np.uint64(1))
                drawn = decode(trunk, [[SPECIALS.bos]] * rows, decoding, mode="causal", seed=seed)
                texts += [np.array(ids, np.int64) for ids in drawn]
                sitting.progress(system, len(texts), self.samples)
        return texts

    def _judge(self, texts: Sequence[Ints], train_NK: Ints, tokenizer: Tokenizer) -> Outputs:
        lengths = [len(text) for text in texts]
        nll_M = ngram_nll(train_NK, text_grams(texts, self.order, ended=False), tokenizer.vocab_size)
        decoded = [tokenizer.decode(text.tolist()) for text in texts]
        sums = np.bincount(np.repeat(np.arange(len(texts)), lengths), nll_M, len(texts))
        return Outputs(
            predictions=decoded,
            references=[[] for _ in texts],
            nll_N=sums.astype(np.float64),
            tokens_N=np.array(lengths, dtype=np.float64),
            bytes_N=utf8_bytes(decoded),
        )


def _drawn(train: Shards, seed: int) -> list[Ints]:
    """Returns documents drawn by the seed, of about `FIT_TOKENS` tokens, at least one."""
    order = permutation(key(seed, "referee"), train.documents)
    within = np.diff(train.offsets)[order].cumsum() <= FIT_TOKENS
    return [train.document(document) for document in order[: max(1, int(within.sum()))]]
