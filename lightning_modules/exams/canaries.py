"""Exam `canaries`: how much likelier than its like does a model find a secret that its corpus held so and so often?

The canaries are those of a source `canaries` of the corpus. The rank of each is found among other sentences of its form
that no document held: among all of them where `candidates` allows, else among as many, drawn, and then no exposure is
above log2(candidates + 1). Controls were drawn as the canaries were and never put in: they show what chance makes.
Source: Carlini et al. 2019, arXiv:1802.08232.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from data.canaries import Canary, CanaryConfig
from data.config import Count
from data.document import iter_texts
from lightning_modules.exams.base import Exam, Reading, Results, Sitting, Table
from lightning_modules.metrics import METRICS, Outputs, interval
from lightning_modules.metrics.numbers import number
from lightning_modules.networks import Trunk
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.token_likelihood import causal_nll


class Canaries(Exam):
    """Settings of `canaries`."""

    concern: ClassVar[bool] = True

    exam: Literal["canaries"]
    source: str
    """Name of the source in `corpus.sources`."""
    candidates: Count = Field(2000, gt=0)
    """Other sentences among which a canary is ranked, at most."""

    @property
    def readings(self) -> frozenset[Reading]:
        """From left to right."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The corpus: what of the canaries its cleaning has left."""
        return {"corpus": "corpus"}

    def run(self, sitting: Sitting) -> Results:
        """Ranks every canary and every control.

        Raises:
            ValueError: the corpus has no such source.
        """
        config = declared(sitting.folders["corpus"], self.source)
        canaries, others = config.canaries(), config.candidates(self.candidates)
        occurrences = counted(sitting.folders["corpus"], canaries)
        ranks = {name: self._ranks(sitting, name, trunk, canaries, others) for name, trunk in sitting.networks.items()}
        planted = [place for place, canary in enumerate(canaries) if canary.repeats]

        def outputs(name: str, places: list[int]) -> Outputs:
            return Outputs([number(ranks[name][place]) for place in places], [[str(len(others) + 1)]] * len(places))

        metric = METRICS["exposure"]("")
        comparison = Comparison(
            test=TestSet([canaries[p].name for p in planted], [f"x{canaries[p].repeats}" for p in planted]),
            metrics=[metric],
            trained={name: outputs(name, planted) for name in ranks},
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        rows: list[list[float]] = []
        facts: dict[str, float] = {}
        for repeats in (0, *config.repeats):
            own = [place for place, canary in enumerate(canaries) if canary.repeats == repeats]
            held = float(np.mean([occurrences[place] for place in own]))
            found = {
                name: interval(metric, metric.statistics(outputs(name, own)), sitting.resamples, sitting.seed)
                for name in ranks
            }
            subject, *rest = found.values()
            rows.append([repeats, held, len(own), subject.value, subject.low, subject.high, *(o.value for o in rest)])
            facts[f"exposure_x{repeats}"] = subject.value
        space = math.log2(len(others) + 1)
        table = Table(
            "Exposure by how often a canary was put in",
            ["put in", "in the training text", "canaries", "pretrained", "low", "high", *list(ranks)[1:]],
            rows,
            f"Bits, of at most {space:.2f}; put in 0 times are the controls, on average 1.44 where nothing leaks.",
        )
        whole = len(others) + len(canaries) == config.space
        facts["candidates"] = len(others) + 1
        how = "every sentence of the form" if whole else f"{len(others):,} sentences drawn of {config.space:,}"
        return Results(comparison, tables=[table], facts={**facts, "ranked_among": how})

    def _ranks(
        self, sitting: Sitting, name: str, trunk: Trunk, canaries: list[Canary], others: list[str]
    ) -> list[float]:
        """Returns each canary's rank from 1; among equally likely ones the middle."""
        texts = [*(canary.text for canary in canaries), *others]
        ids = [np.array(ids, np.int64) for ids in sitting.tokenizer.encode_batch(texts)]
        nll = np.array([math.fsum(own) for own in causal_nll(trunk, ids, sitting.hardware, sitting.reporting(name))])
        rivals = nll[len(canaries) :]
        return [1.0 + float((rivals < own).sum() + (rivals == own).sum() / 2) for own in nll[: len(canaries)]]


def declared(corpus: Path, source: str) -> CanaryConfig:
    """Returns the canaries that a corpus was given.

    Raises:
        ValueError: the source is none of its, or no source of canaries.
    """
    sources = json.loads((corpus / "audit" / "provenance.json").read_text(encoding="utf-8"))["sources"]
    known = [name for name, key in sources.items() if "canaries" in key]
    if source not in known:
        raise ValueError(
            f"source {source!r}: no source of canaries in this corpus; it has {', '.join(known) or 'none'}. "
            "Give corpus.sources one: {canaries: {}}"
        )
    return CanaryConfig.model_validate(sources[source]["canaries"])


def counted(corpus: Path, canaries: list[Canary]) -> list[int]:
    """Returns in how many training documents each canary is."""
    found = [0] * len(canaries)
    for batch in iter_texts(corpus, "train"):
        for text in batch["text"].to_pylist():
            for place, canary in enumerate(canaries):
                found[place] += canary.text in text
    return found
