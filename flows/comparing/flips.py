"""Examples that turned: right before and wrong now, wrong before and right now, or just better or worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from data.document import iter_texts
from flows.comparing.scored import Indices, ScoredSet
from flows.comparing.scores import Tested
from lightning_modules.metrics.base import Floats

SHOWN = 25
"""Examples shown of each direction, those that changed most."""
_CHARACTERS = 600
"""Of an input or an answer that are shown."""


@dataclass(frozen=True)
class Flip:
    """One example that both runs answered."""

    example_id: str
    group: str
    input: str
    """Empty where the store does not hold it."""
    references: tuple[str, ...]
    answers: tuple[str, str]
    """Of the first run and of the other; empty for documents of language modelling."""
    scores: tuple[float, float]
    """Of the first run and of the other, by the headline metric."""


@dataclass(frozen=True)
class Flips:
    """The examples of one scored set whose score changed."""

    run: str
    task: str
    metric: str
    right_or_wrong: bool
    """Whether every score is that of a right or of a wrong answer; else it is a matter of degree."""
    worse: list[Flip]
    better: list[Flip]
    """Those that changed most first, at most `SHOWN` of each."""
    totals: tuple[int, int, int]
    """Examples that became worse, became better, and stayed."""

    @property
    def headings(self) -> tuple[str, str]:
        """What became of the two lists."""
        return ("right to wrong", "wrong to right") if self.right_or_wrong else ("worse", "better")


def find_flips(run: str, before: ScoredSet, after: ScoredSet, tested: Tested, inputs: Mapping[str, Path]) -> Flips:
    """Sorts the shared examples by what became of them.

    Args:
        run: id of the run that is compared with the first one.
        before: the first run's set.
        after: the other's.
        tested: the headline metric of both.
        inputs: where texts by id are: 'examples' -> a folder of labelled examples, 'corpus' -> one of a corpus.
    """
    metric, ours = tested.judged.metric, tested.after
    old_N, new_N = (metric.value(part) for part in (tested.judged.theirs_NK, tested.judged.ours_NK))
    gain_N = np.nan_to_num(new_N - old_N) * (1.0 if metric.better == "higher" else -1.0)
    # Where scores only say right or wrong, the right answer's probability says how far an example turned.
    likelier_N = np.nan_to_num(before.numbers("nll")[tested.before] - after.numbers("nll")[ours])
    levels = np.unique(np.concatenate([old_N, new_N]))
    two_valued = len(levels) == 2 and levels[0] == 0.0 and metric.reads != "likelihood"
    order = np.lexsort((np.arange(len(gain_N)), likelier_N, gain_N))
    worse, better = order[gain_N[order] < 0], order[gain_N[order] > 0][::-1]
    chosen = np.concatenate([worse[:SHOWN], better[:SHOWN]])
    texts = _inputs(inputs, {after.ids[ours[place]] for place in chosen})
    return Flips(
        run,
        after.name,
        str(after.content["headline"]["metric"]),
        two_valued,
        _rows(before, after, tested, worse[:SHOWN], (old_N, new_N), texts),
        _rows(before, after, tested, better[:SHOWN], (old_N, new_N), texts),
        totals=(len(worse), len(better), len(gain_N) - len(worse) - len(better)),
    )


def _rows(
    before: ScoredSet,
    after: ScoredSet,
    tested: Tested,
    places: Indices,
    scores: tuple[Floats, Floats],
    texts: Mapping[str, str],
) -> list[Flip]:
    theirs, ours = tested.before[places], tested.after[places]
    right_N, our_answers_N, their_answers_N = (
        after.texts("references"), after.texts("prediction"), before.texts("prediction")
    )  # fmt: skip
    return [
        Flip(
            after.ids[new],
            after.groups[new] or "",
            texts.get(after.ids[new], ""),
            tuple(_cut(right) for right in right_N[new] or ()),
            (_cut(their_answers_N[old] or ""), _cut(our_answers_N[new] or "")),
            (float(scores[0][place]), float(scores[1][place])),
        )
        for place, old, new in zip(places, theirs, ours, strict=True)
    ]


def _inputs(folders: Mapping[str, Path], wanted: set[str]) -> dict[str, str]:
    """Example id -> the beginning of its text."""
    rows: list[dict[str, Any]] = []
    if not wanted:
        return {}
    if "examples" in folders and (path := folders["examples"] / "test.parquet").exists():
        rows = pq.read_table(path, columns=["id", "input"], filters=[("id", "in", sorted(wanted))]).to_pylist()
    elif "corpus" in folders and (folders["corpus"] / "test").is_dir():
        for batch in iter_texts(folders["corpus"], "test", columns=("id", "text")):
            places = [place for place, key in enumerate(batch["id"].to_pylist()) if key in wanted]
            rows += [{"id": row["id"], "input": row["text"]} for row in batch.take(places).to_pylist()]
    return {row["id"]: _cut(row["input"]) for row in rows}


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + " ..."
