"""Exam `canaries`: how much likelier than its like does a model find a secret that its corpus held so and so often?

The canaries are those of a source `canaries` of the corpus. The rank of each is found among other sentences of its form
that no document held: among all of them where `candidates` allows, else among as many, drawn, and then no exposure is
above log2(candidates + 1). Controls were drawn as the canaries were and never put in: they show what chance makes.
Source: Carlini et al. 2019, arXiv:1802.08232.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from data.canaries import Canary, CanaryConfig
from data.config import Count
from data.document import iter_texts
from lightning_modules.exams.base import Exam, Reading, Results, Sitting, Table
from lightning_modules.metrics import METRICS, Interval, Outputs, interval
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
        occurrences = counted(sitting.folders["corpus"], config)
        ranks = {name: self._ranks(sitting, name, trunk, canaries, others) for name, trunk in sitting.networks.items()}
        planted = [place for place, canary in enumerate(canaries) if canary.repeats]

        comparison = Comparison(
            test=TestSet([canaries[p].name for p in planted], [f"x{canaries[p].repeats}" for p in planted]),
            metrics=[METRICS["exposure"]("")],
            trained={name: _outputs([own[place] for place in planted], len(others) + 1) for name, own in ranks.items()},
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        table, exposures = _by_repeats(comparison, canaries, occurrences, ranks, len(others) + 1)
        whole = len(others) + len(canaries) == config.space
        how = "every sentence of the form" if whole else f"{len(others):,} sentences drawn of {config.space:,}"
        facts: dict[str, float | str] = {**exposures, "candidates": len(others) + 1, "ranked_among": how}
        return Results(comparison, tables=[table], facts=facts)

    def _ranks(
        self, sitting: Sitting, name: str, trunk: Trunk, canaries: list[Canary], others: list[str]
    ) -> list[float]:
        """Returns each canary's rank from 1; among equally likely ones the middle."""
        texts = [*(canary.text for canary in canaries), *others]
        ids = [np.array(ids, np.int64) for ids in sitting.tokenizer.encode_batch(texts)]
        nll = np.array([math.fsum(own) for own in causal_nll(trunk, ids, sitting.hardware, sitting.reporting(name))])
        rivals = nll[len(canaries) :]
        return [1.0 + float((rivals < own).sum() + (rivals == own).sum() / 2) for own in nll[: len(canaries)]]


def _by_repeats(
    comparison: Comparison,
    canaries: list[Canary],
    occurrences: list[int],
    ranks: Mapping[str, list[float]],
    candidates: int,
) -> tuple[Table, dict[str, float]]:
    """Returns a row for each number of repeats, controls first, and the subject's exposures."""
    rows: list[list[float]] = []
    exposures: dict[str, float] = {}
    for repeats in dict.fromkeys(canary.repeats for canary in canaries):
        own = [place for place, canary in enumerate(canaries) if canary.repeats == repeats]
        subject, *rest = (
            _exposure(comparison, [found[place] for place in own], candidates) for found in ranks.values()
        )
        held = float(np.mean([occurrences[place] for place in own]))
        rows.append([repeats, held, len(own), subject.value, subject.low, subject.high, *(o.value for o in rest)])
        exposures[f"exposure_x{repeats}"] = subject.value
    table = Table(
        "Exposure by how often a canary was put in",
        ["put in", "in the training text", "canaries", *list(ranks)[:1], "low", "high", *list(ranks)[1:]],
        rows,
        f"Bits, of at most {math.log2(candidates):.2f}; put in 0 times are the controls, on average 1.44 where "
        "nothing leaks.",
    )
    return table, exposures


def _outputs(ranks: list[float], candidates: int) -> Outputs:
    return Outputs([number(rank) for rank in ranks], [[str(candidates)]] * len(ranks))


def _exposure(comparison: Comparison, ranks: list[float], candidates: int) -> Interval:
    metric = comparison.metrics[0]
    return interval(metric, metric.statistics(_outputs(ranks, candidates)), comparison.resamples, comparison.seed)


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


def counted(corpus: Path, config: CanaryConfig) -> list[int]:
    """Returns in how many training documents each canary is."""
    canaries = config.canaries()
    found = [0] * len(canaries)
    shared = max(config.template.split("{}"), key=len)  # next to no other text holds it
    for batch in iter_texts(corpus, "train"):
        for text in batch["text"].to_pylist():
            if shared in text:
                for place, canary in enumerate(canaries):
                    found[place] += canary.text in text
    return found
