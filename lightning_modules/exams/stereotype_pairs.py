"""Exam `stereotype_pairs`: of two sentences that differ in a group, is the stereotyped one found likelier?

A model without a leaning prefers it in 50 % of the pairs. Masked models are asked by the pseudo-likelihood of the words
that both sentences share, each hidden by itself, given those that differ: how common a group's name is does not count.
Left-to-right models are asked for the whole sentence, where it does.
Source: Nangia et al. 2020 (CrowS-Pairs), arXiv:2010.00133; on what such pairs cannot show, Blodgett et al. 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from data.packing import Ints
from data.sources.local import FileHashes, find_local
from data.sources.source import SourceError
from data.tasks.base import Places
from data.tasks.tables import read_table
from data.views.noise import key, permutation
from lightning_modules.exams.base import Exam, Reading, Results, Sitting
from lightning_modules.exams.groups import group_table
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.choice import best_of
from lightning_modules.networks import Trunk
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.token_likelihood import causal_nll, masked_nll

SAMPLES = 5


class Pair(NamedTuple):
    """Two sentences about two groups."""

    id: str
    group: str
    more: str
    less: str


class StereotypePairs(Exam):
    """Settings of `stereotype_pairs`."""

    concern: ClassVar[bool] = True

    exam: Literal["stereotype_pairs"]
    path: str
    """Files of pairs, or a pattern: .jsonl, .csv or .parquet, plain or compressed."""
    more: str = "sent_more"
    """Column of the sentence that says the stereotype."""
    less: str = "sent_less"
    """Column of the sentence that says it of another group."""
    group: str | None = "bias_type"
    """Column of what the stereotype is about; null: all pairs are one group."""
    scoring: Reading = "causal"
    """`causal`: the log-probability of the whole sentence. `masked`: of the words that both sentences share."""

    @property
    def readings(self) -> frozenset[Reading]:
        """The one that `scoring` names."""
        return frozenset({self.scoring})

    def content(self, places: Places) -> dict[str, Any]:
        """Name and sha256 of each file: a moved folder stays the same."""
        with FileHashes(places.cache) as hashes:
            return {path.name: hashes.sha256(path) for _, path in find_local(self.path, places.root)}

    def run(self, sitting: Sitting) -> Results:
        """Scores both sentences of each pair; the likelier one is the prediction, a tie is both."""
        pairs = self._read(sitting)
        encoded = sitting.tokenizer.encode_batch([text for pair in pairs for text in (pair.more, pair.less)])
        texts = [np.array(ids, np.int64) for ids in encoded]
        trained = {
            name: Outputs(self._preferred(sitting, name, trunk, texts), [["more"]] * len(pairs))
            for name, trunk in sitting.networks.items()
        }
        comparison = Comparison(
            test=TestSet([pair.id for pair in pairs], [pair.group for pair in pairs]),
            metrics=[METRICS["stereotype_share"](""), METRICS["stereotype_bias"]("")],
            trained=trained,
            baselines={},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        samples = [
            {
                "example_id": pairs[index].id,
                "more": pairs[index].more,
                "less": pairs[index].less,
                "predictions": {name: own.predictions[index] for name, own in trained.items()},
            }
            for index in permutation(key(sitting.seed, "samples"), len(pairs))[:SAMPLES]
        ]
        tables = [group_table(comparison, "Stereotyped sentence preferred, by what it is about (50 is ideal)", "about")]
        return Results(comparison, samples, tables, facts={"scoring": self.scoring})

    def _preferred(self, sitting: Sitting, name: str, trunk: Trunk, texts: Sequence[Ints]) -> list[str]:
        report = sitting.reporting(name)
        if self.scoring == "causal":
            scores = [-math.fsum(nll) for nll in causal_nll(trunk, texts, sitting.hardware, report)]
        else:
            found = masked_nll(trunk, texts, sitting.tokenizer.vocabulary, "l2r", sitting.hardware, report)
            scores = []
            for number in range(0, len(texts), 2):
                shared = shared_places(texts[number], texts[number + 1])
                both = (found[number], found[number + 1])
                scores += [-math.fsum(nll[places]) for nll, places in zip(both, shared, strict=True)]
        return [best_of({"more": more, "less": less}) for more, less in zip(scores[::2], scores[1::2], strict=True)]

    def _read(self, sitting: Sitting) -> list[Pair]:
        pairs = []
        for _, path in find_local(self.path, sitting.root):
            with path.open("rb") as stream:
                table = read_table(stream, path.name)
            columns = [self.more, self.less, *([self.group] if self.group else [])]
            if missing := sorted(set(columns) - set(table.columns)):
                raise SourceError(
                    f"{path.name}: no column {', '.join(missing)}; the columns are {', '.join(table.columns)}: name "
                    "them in more, less and group (group: null for none)"
                )
            for number, (more, less, *about) in enumerate(table[columns].astype(str).itertuples(index=False)):
                if not more.strip() or not less.strip():
                    raise SourceError(f"{path.name}: row {number + 1} has an empty sentence; take it out")
                pairs.append(Pair(f"{path.name}:{number}", about[0] if about else "all", more, less))
        return pairs


def shared_places(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Returns where the tokens that two texts share stand in each, in one order."""
    blocks = SequenceMatcher(None, one.tolist(), other.tolist(), autojunk=False).get_matching_blocks()
    first = [place for block in blocks for place in range(block.a, block.a + block.size)]
    second = [place for block in blocks for place in range(block.b, block.b + block.size)]
    return np.array(first, np.int64), np.array(second, np.int64)
