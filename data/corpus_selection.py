"""Which cleaned documents make the corpus, and which parts of them: duplicates go, and what is tested on.

In this order: whole documents that are the same, nearly the same, about the same; those that hold test examples; then
parts of what is left. Each step sees only what the steps before it have left.
Shapes: N rows in the order of reading, K documents of earlier corpora, A documents that are alive, M = K + A.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.candidates import Candidates, joined
from data.cleaned import CleanedDocuments
from data.decontamination import DecontaminationConfig, Evaluation, Overlap, find_overlap
from data.dedup import DedupConfig, clusters
from data.dedup.cuts import Cuts, without
from data.dedup.passages import cut_repeated_passages
from data.dedup.semantic import SemanticConfig, semantic_duplicates
from data.dedup.sketch import Sketches
from data.dedup.spill import Spill
from data.dedup.substrings import cut_repeated_substrings
from data.document import SPLITS
from data.known import Known
from data.split import SplitConfig

TooLittle = Callable[[str, str], bool]
"""Whether so little is left of a source's document that it goes: of (source, text)."""


@dataclass(frozen=True)
class Selection:
    """What is taken of the cleaned documents."""

    dropped: pa.DictionaryArray
    splits_N: NDArray[np.int8]
    """The split of each document as a number of `SPLITS`."""
    cuts: Cuts
    """What is left out of documents that stay."""
    overlap: Overlap | None
    """What of the evaluation sets was found; None where nothing was looked for."""


@dataclass(frozen=True)
class Selector:
    """The settings by which documents are chosen."""

    dedup: DedupConfig
    split: SplitConfig
    decontamination: DecontaminationConfig | None
    evaluations: Sequence[Evaluation]
    """What must not be trained on."""
    too_little: TooLittle
    memory_bytes: int
    """About what each step may hold beside its few numbers for each document."""

    def select(self, cleaned: CleanedDocuments, known: Known, scratch: Path) -> Selection:
        """Chooses.

        Args:
            cleaned: what was read.
            known: earlier corpora; what they kept is preferred to everything here, and stays as it is.
            scratch: folder for what does not fit into memory.
        """
        candidates = Candidates(cleaned, self.split)
        if self.dedup.exact:
            _drop_exact(candidates, known, scratch / "exact", self.memory_bytes)
        self._near(candidates, known, scratch / "near")
        if self.dedup.semantic:
            _drop_semantic(candidates, known, self.dedup.semantic, scratch / "semantic", self.memory_bytes)
        cuts = Cuts(scratch / "cuts", cleaned.rows, self.memory_bytes)
        overlap = None
        if self.decontamination and self.evaluations:
            overlap = find_overlap(candidates, self.evaluations, self.decontamination, cuts, self.too_little)
        self._cut(candidates, known, cuts, scratch)
        cuts.finish()
        if self.dedup.passages or self.dedup.substrings:
            self._drop_remains(candidates, cuts)
        return Selection(candidates.reasons(), candidates.splits_N, cuts, overlap)

    def _near(self, candidates: Candidates, known: Known, scratch: Path) -> None:
        """Drops near duplicates, or sees that they share a split."""
        alive = candidates.alive_by_rank()
        blocks = _sketches(candidates, known, alive)
        heads_M = clusters(blocks, self.dedup.threshold, scratch, self.memory_bytes)
        heads_A = heads_M[known.documents :]
        if self.dedup.near:
            candidates.drop(alive[heads_A != np.arange(len(alive)) + known.documents], "dedup/near")
            candidates.drop(alive[heads_A < known.documents], "known/near")
            return
        splits_K = np.array([SPLITS.index(s) for b in known.kept(["split"]) for s in b["split"].to_pylist()], np.int8)
        heads_K = heads_M[: known.documents]
        torn = np.zeros(len(heads_M), dtype=np.bool_)  # a cluster that earlier corpora have in two splits
        torn[heads_K[splits_K != splits_K[heads_K]]] = True
        candidates.splits_N[alive] = np.concatenate([splits_K, candidates.splits_N[alive]])[heads_A]
        candidates.drop(alive[torn[heads_A]], "known/two_splits")

    def _cut(self, candidates: Candidates, known: Known, cuts: Cuts, scratch: Path) -> None:
        if self.dedup.substrings:
            texts = _texts(candidates, known)
            cut_repeated_substrings(texts, self.dedup.substrings, cuts, scratch / "substrings", self.memory_bytes)
        if self.dedup.passages:
            texts = _texts(candidates, known)
            cut_repeated_passages(texts, self.dedup.passages, cuts, scratch / "passages", self.memory_bytes)

    def _drop_remains(self, candidates: Candidates, cuts: Cuts) -> None:
        """Drops documents of which too little is left."""
        for rows, documents in candidates.read(("text", "source"), candidates.alive_N):
            ranges = cuts.between(int(rows[0]), int(rows[-1]) + 1)
            if not ranges:
                continue
            texts, sources = documents["text"], documents["source"]
            gone = [
                row
                for place, row in enumerate(rows.tolist())
                if row in ranges and self.too_little(sources[place].as_py(), without(texts[place].as_py(), ranges[row]))
            ]
            candidates.drop(np.array(gone, dtype=np.int64), "dedup/nothing_left")


def _drop_exact(candidates: Candidates, known: Known, scratch: Path, memory_bytes: int) -> None:
    """Drops what is there before.

    An exact duplicate is counted as one whatever else is wrong with it, so that the count says how often a source
    repeats itself and not how the other rules are set. But what a rule has dropped comes behind all that is alive, or a
    text would be lost of which another source's rules drop a copy. 128 bits of a key decide.
    """
    spill = Spill(scratch, columns=3, memory_bytes=memory_bytes)
    done = 0
    for batch in known.kept(["key"]):
        spill.add(_ranked(batch["key"], np.arange(done, done + batch.num_rows)))
        done += batch.num_rows
    read_N = ~candidates.dropped_by(["source/", "known/"])
    count = len(candidates.ranks_N)
    places_N = known.documents + candidates.ranks_N + np.where(candidates.alive_N, 0, count)
    for rows, documents in candidates.read(("key",), read_N):
        spill.add(_ranked(documents["key"], places_N[rows]))
    for found in spill.repeated():
        again = np.zeros(len(found), dtype=np.bool_)
        again[1:] = (found[1:, :2] == found[:-1, :2]).all(axis=1)
        firsts = np.maximum.accumulate(np.where(again, 0, np.arange(len(found))))
        places = found[:, 2].astype(np.int64) - known.documents
        new = again & (places >= 0)
        before = places[firsts] < 0
        candidates.drop(candidates.rows_by_rank_N[places[new & ~before] % count], "dedup/exact")
        candidates.drop(candidates.rows_by_rank_N[places[new & before] % count], "known/exact")


def _ranked(keys: pa.Array, ranks: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns (rows, 3): 128 bits of the keys, and the ranks."""
    heads = np.ascontiguousarray(joined(keys)[:, :16]).view(np.uint64)
    return np.column_stack([heads, ranks.astype(np.uint64)])


def _sketches(
    candidates: Candidates, known: Known, alive: NDArray[np.int64]
) -> Iterator[tuple[Sketches, NDArray[np.int64]]]:
    """Yields the sketches of earlier corpora's documents and of those alive, with their ranks among these."""
    done = 0
    for batch in known.kept(["signature"]):
        yield joined(batch["signature"]), np.arange(done, done + batch.num_rows)
        done += batch.num_rows
    ranks_N = np.empty(len(candidates.ranks_N), dtype=np.int64)
    ranks_N[alive] = known.documents + np.arange(len(alive))
    for rows, documents in candidates.read(("signature",), candidates.alive_N):
        yield joined(documents["signature"]), ranks_N[rows]


def _texts(candidates: Candidates, known: Known) -> Iterator[tuple[int, int | None, str]]:
    """Yields rank, row (None: of an earlier corpus) and text of all documents that stay so far."""
    for rank, text in enumerate(known.texts()):
        yield rank, None, text
    for rows, documents in candidates.read(("text",), candidates.alive_N):
        ranks = known.documents + candidates.ranks_N[rows]
        yield from zip(ranks.tolist(), rows.tolist(), documents["text"].to_pylist(), strict=True)


def _drop_semantic(
    candidates: Candidates, known: Known, config: SemanticConfig, scratch: Path, memory_bytes: int
) -> None:
    texts = partial(_texts, candidates, known)
    rows_A = np.flatnonzero(candidates.alive_N)
    ranks_M = np.concatenate([np.arange(known.documents), known.documents + candidates.ranks_N[rows_A]])
    duplicate_M = semantic_duplicates(lambda: (text for *_, text in texts()), ranks_M, config, scratch, memory_bytes)
    candidates.drop(rows_A[duplicate_M[known.documents :]], "dedup/semantic")
