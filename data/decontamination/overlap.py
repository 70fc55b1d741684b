"""Which training documents hold which evaluation examples: decided, acted on, and written down example by example.

Shapes: E examples, G grams, H hits, P pairs of a document and an example.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.decontamination.config import DecontaminationConfig
from data.decontamination.evaluation import Evaluation
from data.decontamination.index import Hits, Index, Ints, bare_words
from data.dedup.cuts import Cuts, Range, without
from data.document import SPLITS

if TYPE_CHECKING:
    from data.candidates import Candidates

_DOCUMENTS_SHOWN = 20
_PASSAGE_BYTES = 600

OVERLAP_SCHEMA = pa.schema(
    [
        pa.field("evaluation", pa.string()),  # the task, or the name under `against`
        pa.field("example_id", pa.string()),
        pa.field("split", pa.string()),
        pa.field("runs", pa.int64()),  # that it is looked for by; 0: too short to be found
        pa.field("share", pa.float64()),  # of its runs that are in some training document that stays
        pa.field("share_before", pa.float64()),  # the same before documents or passages were taken out
        pa.field("documents", pa.list_(pa.string())),  # ids of those that have some of it, most first
        pa.field("passage", pa.string()),  # the longest one that is the same, from the first of them
    ]
)
"""Columns of `audit/overlap.parquet`; documents and passages are those before anything was taken out."""


@dataclass(frozen=True)
class Overlap:
    """What was found."""

    rows: list[dict[str, Any]]
    """Of `OVERLAP_SCHEMA`."""
    threshold: float
    """Share from which an example counts as seen in training."""

    def table(self) -> pa.Table:
        """As it is written; the threshold is noted in the schema."""
        noted = OVERLAP_SCHEMA.with_metadata({"threshold": repr(self.threshold)})
        return pa.Table.from_pylist(self.rows, schema=noted)


class FoundOverlap(NamedTuple):
    """What a corpus says about the examples of one evaluation."""

    shares: dict[str, float]
    """Example id -> share of its runs that are in the training text."""
    threshold: float
    """Share from which an example counts as seen in training."""


def read_overlap(corpus: Path, evaluation: str) -> FoundOverlap | None:
    """Reads what a corpus artifact says; None where this evaluation was not looked for."""
    path = corpus / "audit" / "overlap.parquet"
    if not path.exists():
        return None
    table = pq.read_table(path, columns=["example_id", "share"], filters=[("evaluation", "=", evaluation)])
    if not table.num_rows:
        return None
    shares = dict(zip(table["example_id"].to_pylist(), table["share"].to_pylist(), strict=True))
    return FoundOverlap(shares, float(pq.read_schema(path).metadata[b"threshold"]))


def find_overlap(
    candidates: Candidates,
    evaluations: Sequence[Evaluation],
    config: DecontaminationConfig,
    cuts: Cuts,
    too_little: Callable[[str, str], bool],
) -> Overlap:
    """Looks for all examples in the documents of the training part, and takes out what the mode says.

    Args:
        candidates: loses the documents that go, for the reason 'decontamination/<evaluation>'.
        evaluations: sets of examples.
        config: how, and what becomes of what is found.
        cuts: gets the passages that go.
        too_little: whether a document goes of which only this is left: of (source, text).
    """
    examples = _Examples(evaluations)
    index = Index.build(examples.inputs, examples.answers, config)
    hits, rare_G = _rare_hits(candidates, index, config.phrase_occurrences)
    search = _Search(index, rare_G, hits)
    evidence = search.evidence(candidates, examples.answers)
    held = search.shares_P >= config.share
    cut: dict[int, list[Range]] = defaultdict(list)
    if config.mode != "report":
        for number, evaluation in enumerate(evaluations):
            own = held & (examples.sets_E[search.examples_P] == number)
            rows = np.unique(search.rows_P[own])
            if config.mode == "cut":
                rows = _cut(candidates, search, own, cut, cuts, too_little)
            candidates.drop(rows, f"decontamination/{evaluation.name}")
    gone = np.zeros_like(held) if config.mode == "report" else held | ~candidates.alive_N[search.rows_P]
    before_E, after_E = search.shares(np.ones_like(held)), search.shares(~gone)
    found = zip(examples.described(), index.grams_E, after_E, before_E, strict=True)
    rows_of_overlap = [
        {**described, "runs": int(runs), "share": float(share), "share_before": float(before)}
        | evidence.get(number, {"documents": [], "passage": None})
        for number, (described, runs, share, before) in enumerate(found)
    ]
    return Overlap(rows_of_overlap, config.share)


class _Examples:
    """All examples of all sets, one after the other."""

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        self._evaluations = evaluations
        self.inputs = list(chain.from_iterable(evaluation.inputs for evaluation in evaluations))
        self.answers = list(chain.from_iterable(evaluation.answers for evaluation in evaluations))
        sizes = [len(evaluation.ids) for evaluation in evaluations]
        self.sets_E = np.repeat(np.arange(len(sizes)), sizes)

    def described(self) -> list[dict[str, Any]]:
        return [
            {"evaluation": evaluation.name, "example_id": example_id, "split": split}
            for evaluation in self._evaluations
            for example_id, split in zip(evaluation.ids, evaluation.splits, strict=True)
        ]


def _rare_hits(candidates: Candidates, index: Index, most: int) -> tuple[Hits, NDArray[np.bool_]]:
    """Returns the hits in training documents, by row, of grams that at most so many documents and examples have.

    What is held is bounded by the evaluation sets: of a gram that turns out to be a phrase no more hits are kept.
    """
    documents_G = np.zeros(len(index.keys_G), dtype=np.int64)
    common_G = np.diff(index.starts) > most
    kept: list[Hits] = []
    trained = candidates.alive_N & (candidates.splits_N == SPLITS.index("train"))
    for rows, documents in candidates.read(("text",), trained) if len(index.keys_G) else ():
        found = index.find(documents["text"])
        pairs = np.unique(np.stack([found.documents_H, found.grams_H]), axis=1)
        documents_G += np.bincount(pairs[1], minlength=len(documents_G))
        rare = ~(common_G | (documents_G > most))[found.grams_H]
        hits = Hits(*(column[rare] for column in found))
        kept.append(hits._replace(documents_H=rows[hits.documents_H]))
    rare_G = ~(common_G | (documents_G > most))
    columns = [np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*kept, strict=True)] or [
        np.empty(0, np.int64)
    ] * 4
    rare = rare_G[columns[1]]
    return Hits(*(column[rare] for column in columns)), rare_G


class _Search:
    """Hits as pairs of a document and an example."""

    def __init__(self, index: Index, rare_G: NDArray[np.bool_], hits: Hits) -> None:
        self._index, self.hits = index, hits
        places, owners = index.examples_of(np.arange(len(index.keys_G)))
        self._totals_E = np.bincount(owners[rare_G[places]], minlength=len(index.grams_E))
        hit_places, examples = index.examples_of(hits.grams_H)
        triples = np.stack([hits.documents_H[hit_places], examples, hits.grams_H[hit_places]])
        self._triples = np.unique(triples, axis=1)
        pairs, self._pair_of = np.unique(self._triples[:2], axis=1, return_inverse=True)
        self._pair_of = self._pair_of.reshape(-1)
        self.rows_P, self.examples_P = pairs
        self.shares_P = np.bincount(self._pair_of, minlength=pairs.shape[1]) / self._totals_E[self.examples_P]
        self._hit_pairs: dict[tuple[int, int], list[Range]] = defaultdict(list)
        ranges = zip(hits.starts_H.tolist(), hits.ends_H.tolist(), strict=True)
        ranges_H = list(ranges)
        for place, example in zip(hit_places.tolist(), examples.tolist(), strict=True):
            self._hit_pairs[int(hits.documents_H[place]), example].append(ranges_H[place])

    def passages(self, row: int, example: int) -> list[Range]:
        """Returns what a document and an example have in common, as ranges of the document's bytes, in order."""
        merged: list[Range] = []
        for start, end in sorted(self._hit_pairs[row, example]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def shares(self, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Returns, of each example (E,), the share of its rare grams that are in some document of these pairs."""
        chosen = counted[self._pair_of]
        found = np.unique(self._triples[1:, chosen], axis=1)[0]
        found_E = np.bincount(found, minlength=len(self._totals_E))
        return found_E / np.maximum(self._totals_E, 1)

    def evidence(self, candidates: Candidates, answers: Sequence[str | None]) -> dict[int, dict[str, Any]]:
        """Returns of each example that is found somewhere the documents, and a passage; unanswered pairs lose all."""
        wanted = np.zeros(len(candidates.alive_N), dtype=np.bool_)
        wanted[self.rows_P] = True
        pairs_of: dict[int, list[int]] = defaultdict(list)
        for pair, row in enumerate(self.rows_P.tolist()):
            pairs_of[row].append(pair)
        found: dict[int, list[tuple[float, str, str]]] = defaultdict(list)
        for rows, documents in candidates.read(("text", "id"), wanted):
            for place, row in enumerate(rows.tolist()):
                text = documents["text"][place].as_py()
                for pair in pairs_of[row]:
                    example = int(self.examples_P[pair])
                    if self._index.needs_answer_E[example] and not _holds(text, answers[example] or ""):
                        self.shares_P[pair] = 0.0
                        continue
                    start, end = max(self.passages(row, example), key=lambda found: found[1] - found[0])
                    passage = text.encode()[start : min(end, start + _PASSAGE_BYTES)].decode(errors="ignore")
                    found[example].append((-float(self.shares_P[pair]), documents["id"][place].as_py(), passage))
        self._drop_unanswered()
        return {
            example: {"documents": [d for _, d, _ in rows[:_DOCUMENTS_SHOWN]], "passage": rows[0][2]}
            for example, rows in ((example, sorted(rows)) for example, rows in found.items())
        }

    def _drop_unanswered(self) -> None:
        answered = self.shares_P > 0
        kept = answered[self._pair_of]
        numbers = np.cumsum(answered) - 1
        self._triples, self._pair_of = self._triples[:, kept], numbers[self._pair_of[kept]]
        self.rows_P, self.examples_P = self.rows_P[answered], self.examples_P[answered]
        self.shares_P = self.shares_P[answered]


def _holds(text: str, answer: str) -> bool:
    """Whether the words of the answer stand in the text one after the other."""
    words = bare_words([text, answer])
    content, wanted = (words.hashes_W[words.offsets[n] : words.offsets[n + 1]] for n in (0, 1))
    if len(wanted) > len(content):
        return False
    windows = np.lib.stride_tricks.sliding_window_view(content, len(wanted))
    return bool((windows == wanted).all(axis=1).any())


def _cut(
    candidates: Candidates,
    search: _Search,
    own: NDArray[np.bool_],
    cut: dict[int, list[Range]],
    cuts: Cuts,
    too_little: Callable[[str, str], bool],
) -> Ints:
    """Cuts the passages of these pairs; returns the rows of documents of which too little is left.

    `cut` has by row what was cut for the sets before, and gets what is cut now.
    """
    ranges: dict[int, list[Range]] = defaultdict(list)
    for row, example in zip(search.rows_P[own].tolist(), search.examples_P[own].tolist(), strict=True):
        ranges[row] += search.passages(row, example)
    wanted = np.zeros(len(candidates.alive_N), dtype=np.bool_)
    wanted[list(ranges)] = True
    gone = []
    for rows, documents in candidates.read(("text", "source"), wanted):
        for place, row in enumerate(rows.tolist()):
            cut[row] += ranges[row]
            left = without(documents["text"][place].as_py(), sorted(cut[row]))
            if too_little(documents["source"][place].as_py(), left):
                gone.append(row)
            else:
                cuts.add([row] * len(ranges[row]), ranges[row])
    return np.array(gone, dtype=np.int64)
