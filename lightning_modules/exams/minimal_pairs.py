"""Exam `minimal_pairs`: of two sentences that differ in one thing, is the right one more probable?

Source: BLiMP, Warstadt et al. 2020, arXiv:1912.00582; in Chinese SLING, Song et al. 2022, arXiv:2210.11689. Masked
models are asked by pseudo-log-likelihood: every token hidden by itself, the logarithms added up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from data.config import Count
from data.packing import Ints
from data.shards import Shards
from data.sources.local import FileHashes, find_local
from data.sources.source import SourceError
from data.tasks.base import Places
from data.tasks.tables import read_table
from data.views.noise import key, permutation
from lightning_modules.baselines.unigram import token_nll
from lightning_modules.exams.base import Exam, Reading, Results, Sitting
from lightning_modules.exams.groups import group_table, mean_of_groups
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.choice import best_of
from lightning_modules.networks import Trunk
from lightning_modules.scoring.results import Comparison, TestSet, utf8_bytes
from lightning_modules.scoring.token_likelihood import WithinWord, causal_nll, masked_nll

SAMPLES = 5


@dataclass(frozen=True)
class Pair:
    """Two sentences, of which the first is right."""

    id: str
    group: str
    good: str
    bad: str


class MinimalPairs(Exam):
    """Settings of `minimal_pairs`."""

    exam: Literal["minimal_pairs"]
    path: str
    """Files, or a pattern such as 'blimp/*.jsonl.gz': .jsonl, .csv or .parquet, plain or compressed."""
    good: str = "sentence_good"
    """Column of the right sentence."""
    bad: str = "sentence_bad"
    """Column of the wrong one."""
    group: str | None = None
    """Column of what a pair tests; null: the name of its file, up to the first dot."""
    scoring: Reading = "causal"
    """`causal`: the sum of log-probabilities from left to right. `masked`: of every token hidden by itself."""
    within_word: WithinWord = "l2r"
    """What else of its word is hidden with a token, in masked scoring."""
    pairs: Count | None = Field(None, gt=0)
    """At most so many of each group, drawn by the seed; null: all."""

    @property
    def readings(self) -> frozenset[Reading]:
        """The one that `scoring` names."""
        return frozenset({self.scoring})

    def reads(self) -> dict[str, str]:
        """The tokens of the training, for the unigram model."""
        return {"tokens": "tokens"}

    def content(self, places: Places) -> dict[str, Any]:
        """Name and sha256 of each file: a moved folder stays the same."""
        with FileHashes(places.cache) as hashes:
            return {path.name: hashes.sha256(path) for _, path in find_local(self.path, places.root)}

    def read(self, root: Path, seed: int) -> list[Pair]:
        """Returns the pairs, file by file; where there are more than `pairs` of a group, those that the seed draws.

        Raises:
            SourceError: a file has not the columns, or a sentence is empty.
        """
        groups: dict[str, list[Pair]] = {}
        for pair in self._all(root):
            groups.setdefault(pair.group, []).append(pair)
        return [
            own[index]
            for group, own in groups.items()
            for index in np.sort(permutation(key(seed, "pairs", group), len(own))[: self.pairs])
        ]

    def run(self, sitting: Sitting) -> Results:
        """Scores both sentences of each pair; the better one is the prediction, a tie is both."""
        pairs = self.read(sitting.root, sitting.seed)
        encoded = sitting.tokenizer.encode_batch([text for pair in pairs for text in (pair.good, pair.bad)])
        texts = [np.array(ids, np.int64) for ids in encoded]
        trained = {
            name: _outputs(self._nll(sitting, name, trunk, texts), texts, pairs)
            for name, trunk in sitting.networks.items()
        }
        # math.fsum: the same tokens in another order are a tie, to the last bit.
        unigram_V = token_nll(Shards.open(sitting.folders["tokens"], "train"))
        comparison = Comparison(
            test=TestSet([pair.id for pair in pairs], [pair.group for pair in pairs]),
            metrics=[METRICS["choice_accuracy"]("")],
            trained=trained,
            baselines={"unigram": _outputs([math.fsum(unigram_V[text]) for text in texts], texts, pairs)},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        shown = permutation(key(sitting.seed, "samples"), len(pairs))[:SAMPLES]
        samples = [
            {
                "example_id": pairs[index].id,
                "good": pairs[index].good,
                "bad": pairs[index].bad,
                "predictions": {name: own.predictions[index] for name, own in comparison.outputs.items()},
            }
            for index in shown
        ]
        return Results(
            comparison,
            samples,
            tables=[group_table(comparison, "Accuracy by what the pairs test", "group")],
            facts={"scoring": self.scoring, **mean_of_groups(comparison)},
        )

    def _nll(self, sitting: Sitting, name: str, trunk: Trunk, texts: list[Ints]) -> list[float]:
        report = sitting.reporting(name)
        if self.scoring == "causal":
            found = causal_nll(trunk, texts, sitting.hardware, report)
        else:
            vocabulary = sitting.tokenizer.vocabulary
            found = masked_nll(trunk, texts, vocabulary, self.within_word, sitting.hardware, report)
        return [math.fsum(nll) for nll in found]

    def _all(self, root: Path) -> Iterator[Pair]:
        for _, path in find_local(self.path, root):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            columns = [self.good, self.bad, *([self.group] if self.group else [])]
            if missing := sorted(set(columns) - set(table.columns)):
                raise SourceError(
                    f"{path.name}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}: name "
                    "them in good, bad and group"
                )
            sentences = table[columns].astype(str).itertuples(index=False)
            for number, (good, bad, *given) in enumerate(sentences):
                if not good.strip() or not bad.strip():
                    raise SourceError(f"{path.name}: row {number + 1} has an empty sentence; take it out")
                yield Pair(f"{path.name}:{number}", given[0] if given else path.name.partition(".")[0], good, bad)


def _outputs(nll: Sequence[float], texts: Sequence[Ints], pairs: Sequence[Pair]) -> Outputs:
    """Returns which sentence each pair's nats prefer, and beside it the likelihood of the right one."""
    return Outputs(
        predictions=[best_of({"good": -nll[2 * n], "bad": -nll[2 * n + 1]}) for n in range(len(pairs))],
        references=[["good"]] * len(pairs),
        nll_N=np.array(nll[::2]),
        tokens_N=np.array([float(len(text)) for text in texts[::2]]),
        bytes_N=utf8_bytes([pair.good for pair in pairs]),
    )
