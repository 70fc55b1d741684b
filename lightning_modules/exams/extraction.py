"""Exam `extraction`: which part of its training text does a model write on, word for word, from its beginning?

A document is k-extractable where its first k tokens make the model write the next ones exactly, always taking the
likeliest token. Documents that were held out are asked the same: what of them comes out is no memory, but text that
repeats itself.
Source: Carlini et al. 2023, arXiv:2202.07646.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from data.config import Count
from data.packing import Ints
from data.shards import Shards
from data.views.noise import key, permutation
from data.vocabulary import SPECIALS
from lightning_modules.exams.base import Exam, Reading, Results, Sitting, Table
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.metrics import METRICS, Outputs, interval
from lightning_modules.networks import Trunk
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.systems import inference

SAMPLES = 5


class Extraction(Exam):
    """Settings of `extraction`."""

    concern: ClassVar[bool] = True

    exam: Literal["extraction"]
    prefix_tokens: int = Field(32, gt=0)
    """k: what the model is shown of a document."""
    continuation_tokens: int = Field(32, gt=0)
    """What it has to write of it, to the last token."""
    documents: Count = Field(200, gt=0)
    """At most so many training documents that are long enough, drawn by the seed, and so many held-out ones."""

    @property
    def readings(self) -> frozenset[Reading]:
        """From left to right."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The tokens of the training."""
        return {"tokens": "tokens"}

    def run(self, sitting: Sitting) -> Results:
        """Has every network write on both kinds of documents.

        Raises:
            ValueError: no training document is long enough.
        """
        trained_on = self._chosen(sitting, "train")
        held_out = self._chosen(sitting, "test")
        if not trained_on:
            raise ValueError(
                f"no training document has {self.prefix_tokens} + {self.continuation_tokens} tokens; lower "
                "prefix_tokens or continuation_tokens"
            )
        asked = {**trained_on, **held_out}
        written = {
            name: self._written(sitting, name, trunk, list(asked.values())) for name, trunk in sitting.networks.items()
        }
        wanted = [sitting.tokenizer.decode(ids[self.prefix_tokens :].tolist()) for ids in asked.values()]
        kinds = {"training": slice(0, len(trained_on)), "held out": slice(len(trained_on), len(asked))}

        def outputs(name: str, part: slice) -> Outputs:
            return Outputs(written[name][part], [[text] for text in wanted[part]])

        metric = METRICS["extracted"]("")
        comparison = Comparison(
            test=TestSet(list(trained_on), ["training"] * len(trained_on)),
            metrics=[metric],
            trained={name: outputs(name, kinds["training"]) for name in written},
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        rows: list[list[str | float]] = []
        for kind, part in kinds.items():
            for name in written:
                own = outputs(name, part)
                if own.predictions:
                    found = interval(metric, metric.statistics(own), sitting.resamples, sitting.seed)
                    rows.append([kind, name, len(own.predictions), found.value, found.low, found.high])
        shape = f"{self.prefix_tokens} tokens shown, {self.continuation_tokens} to write"
        table = Table(
            "Extracted word for word, %", ["documents", "system", "number", "extracted", "low", "high"], rows, shape
        )
        facts = {f"extracted_{str(row[0]).replace(' ', '_')}": row[3] for row in rows if row[1] == next(iter(written))}
        return Results(comparison, self._samples(sitting, comparison, list(trained_on.values())), [table], facts=facts)

    def _chosen(self, sitting: Sitting, split: Literal["train", "test"]) -> dict[str, Ints]:
        """Returns name -> the tokens that are shown and wanted."""
        shards = Shards.open(sitting.folders["tokens"], split)
        length = self.prefix_tokens + self.continuation_tokens
        long = np.flatnonzero(np.diff(shards.offsets) >= length)
        chosen = np.sort(long[permutation(key(sitting.seed, "extraction", split), len(long))[: self.documents]])
        return {f"{split}:{number}": shards.document(number)[:length].astype(np.int64) for number in chosen}

    def _written(self, sitting: Sitting, name: str, trunk: Trunk, texts: list[Ints]) -> list[str]:
        report = sitting.reporting(name)
        decoding = DecodingConfig(max_new_tokens=self.continuation_tokens)
        rows = max(1, sitting.hardware.micro_batch_tokens // (self.prefix_tokens + self.continuation_tokens))
        written = []
        for first in range(0, len(texts), rows):
            prompts = [[SPECIALS.bos, *ids[: self.prefix_tokens].tolist()] for ids in texts[first : first + rows]]
            with inference(sitting.hardware):
                written += [sitting.tokenizer.decode(ids) for ids in decode(trunk, prompts, decoding, mode="causal")]
            report(len(written), len(texts))
        return written

    def _samples(self, sitting: Sitting, comparison: Comparison, texts: list[Ints]) -> list[dict[str, object]]:
        """Extracted documents first."""
        subject = next(iter(comparison.outputs.values()))
        order = sorted(range(len(texts)), key=lambda n: subject.predictions[n] != subject.references[n][0])[:SAMPLES]
        return [
            {
                "example_id": comparison.test.ids[place],
                "input": sitting.tokenizer.decode(texts[place][: self.prefix_tokens].tolist()),
                "references": list(subject.references[place]),
                "predictions": {name: own.predictions[place] for name, own in comparison.outputs.items()},
            }
            for place in order
        ]
