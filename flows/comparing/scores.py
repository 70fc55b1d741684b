"""Every score of two runs, with a paired test where both gave answers to the same examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from flows.comparing.scored import Indices, ScoredSet, shared_examples
from lightning_modules.metrics import refuse_other
from lightning_modules.metrics.paired import Judged, PairedDifference, paired_differences
from lightning_modules.metrics.reseeding import SeedSpread
from lightning_modules.metrics.significance import holm

LEVEL = 0.05
"""Of all tests of a comparison together, after Holm."""
SEED = 17
"""Of the resamples; fixed, so that the same runs always compare alike."""
_LEAST_RESAMPLES, _RESAMPLES_A_TEST = 2000, 200
"""A bootstrap of R resamples shows no p-value below 2 / (R + 1): R grows with the tests, so that Holm can be passed."""
IDENTICAL = "identical: same artifact"


@dataclass(frozen=True)
class ScoreDelta:
    """One score of a run against the first run's."""

    run: str
    """Id of the run."""
    task: str
    metric: str
    better: str
    """'higher' or 'lower'."""
    before: float | None
    after: float | None
    """On the examples that both scored; as on record where nothing was tested, None where a run has none."""
    examples: int = 0
    """Number that both scored."""
    of: int = 0
    """Number that the first run scored."""
    on_record: float | None = None
    """The first run's value on all that it scored."""
    paired: PairedDifference | None = None
    """Ours is the run, theirs the first; None where nothing was tested."""
    note: str = ""
    """Why nothing was tested."""
    p: float | None = None
    """After Holm's correction over all tests of the comparison."""
    spread: SeedSpread | None = None
    """What reseeding alone does to this score; None where no recipe of the two ran with several seeds."""

    @property
    def place(self) -> str:
        """'sentiment/macro_f1'."""
        return f"{self.task}/{self.metric}"

    @property
    def identical(self) -> bool:
        """Whether both runs have one artifact: what differs between them has no part in this score."""
        return self.note == IDENTICAL

    @property
    def difference(self) -> float | None:
        """After - before."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def wins(self) -> bool | None:
        """Whether the run is better for certain, or worse; None where that is not shown."""
        if self.paired is None or self.p is None or self.p > LEVEL or not self.difference:
            return None
        return (self.difference > 0) == (self.better == "higher")

    @property
    def beyond_reseeding(self) -> bool | None:
        """Whether the difference is more than other seeds explain; None where that is not known."""
        if self.spread is None or self.difference is None:
            return None
        return abs(self.difference) > self.spread.margin


@dataclass(frozen=True)
class Tested:
    """A metric with what both runs add to its sums on the examples that they share."""

    judged: Judged
    before: Indices
    after: Indices
    """Where these examples stand in either table."""


def compare_sets(
    pairs: list[tuple[str, ScoredSet | None, ScoredSet | None]],
    spread_of: Callable[[str, str, str], SeedSpread | None],
) -> tuple[list[ScoreDelta], dict[tuple[str, str], Tested]]:
    """Compares the scored sets of runs with those of the first run.

    Args:
        pairs: the run's id, the first run's set and the run's own of one name; None where one has no such set.
        spread_of: run, set and metric -> what reseeding does to the score.

    Returns:
        The differences, and for each run and set what its headline metric was tested on.
    """
    tests = sum(len(before.metrics) for _, before, after in pairs if before and after)
    resamples = max(_LEAST_RESAMPLES, _RESAMPLES_A_TEST * tests)
    deltas: list[ScoreDelta] = []
    headlines: dict[tuple[str, str], Tested] = {}
    for run, before, after in pairs:
        if before is None or after is None or before.fingerprint == after.fingerprint:
            deltas += list(_untested(run, before, after))
            continue
        found = list(_of_set(run, before, after))
        results = _differences([tested for _, tested in found if tested is not None], resamples)
        for delta, tested in found:
            if tested is None:
                deltas.append(delta)
                continue
            result = next(results)
            deltas.append(replace(delta, before=result.theirs, after=result.ours, paired=result))
            if delta.metric == after.content["headline"]["metric"]:
                headlines[run, after.name] = tested
        deltas += list(_facts(run, before, after))
    known = [
        replace(delta, spread=spread_of(delta.run, delta.task, delta.metric)) if delta.paired else delta
        for delta in deltas
    ]
    return _corrected(known), headlines


def _corrected(deltas: list[ScoreDelta]) -> list[ScoreDelta]:
    adjusted = iter(holm([delta.paired.p for delta in deltas if delta.paired]))
    return [replace(delta, p=next(adjusted)) if delta.paired else delta for delta in deltas]


def _differences(tested: list[Tested], resamples: int) -> Iterator[PairedDifference]:
    """Yields the difference of each, in their order; those of the same examples are resampled together."""
    alike: dict[bytes, list[Judged]] = {}
    for one in tested:
        alike.setdefault(one.after.tobytes(), []).append(one.judged)
    results = {key: iter(paired_differences(judged, resamples, SEED)) for key, judged in alike.items()}
    for one in tested:
        yield next(results[one.after.tobytes()])


def _of_set(run: str, before: ScoredSet, after: ScoredSet) -> Iterator[tuple[ScoreDelta, Tested | None]]:
    for name in after.metrics:
        old, new = before.row(name), after.row(name)
        if new is None or name not in before.metrics or old is None:
            continue
        values = (old["value"], new["value"])
        delta = ScoreDelta(
            run, after.name, name, new["better"], *values, of=len(before.clean(name)), on_record=old["value"]
        )
        try:
            refuse_other(f"{after.name}: {name}", old.get("signature", ""), new.get("signature", ""))
            tested = _tested(before, after, name)
        except ValueError as error:
            yield replace(delta, note=str(error)), None
        else:
            yield replace(delta, examples=len(tested.before)), tested


def _tested(before: ScoredSet, after: ScoredSet, name: str) -> Tested:
    """The metric of both sets on the examples that they share.

    Raises:
        ValueError: says why nothing can be tested.
    """
    metric = next((m for m in after.candidates(name) if after.gives(m, name) and before.gives(m, name)), None)
    if metric is None:
        raise ValueError("the values on record do not follow from the examples by the metrics of this version")
    theirs, ours = shared_examples(before, after, name)
    if not len(ours):
        raise ValueError("no example was scored by both")
    old, new = before.outputs_of(metric, theirs), after.outputs_of(metric, ours)
    if metric.per_token and not np.array_equal(old.tokens_N, new.tokens_N):
        raise ValueError("is per token, and the tokenizers divide these texts differently; see bits_per_byte")
    return Tested(Judged(metric, metric.statistics(new), metric.statistics(old)), theirs, ours)


def _untested(run: str, before: ScoredSet | None, after: ScoredSet | None) -> Iterator[ScoreDelta]:
    one = before or after
    if one is None:
        return
    note = IDENTICAL if before and after else "only the first run has it" if before else "the first run has none"
    for name in one.metrics:
        row = one.row(name)
        if row is not None:
            values = (row["value"] if before else None, row["value"] if after else None)
            yield ScoreDelta(run, one.name, name, row["better"], *values, on_record=values[0], note=note)


def _facts(run: str, before: ScoredSet, after: ScoredSet) -> Iterator[ScoreDelta]:
    """Figures of an exam that no metric gives: they are shown, and not tested."""
    old, new = (scored.content.get("facts", {}) for scored in (before, after))
    for name, value in new.items():
        if all(isinstance(one, int | float) for one in (value, old.get(name))):
            note = "a figure of the whole set: not tested"
            yield ScoreDelta(run, after.name, name, "", old[name], value, on_record=old[name], note=note)
