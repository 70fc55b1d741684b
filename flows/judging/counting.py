"""Answers as tables of counts by item, and the figures that are functions of the tables' sums, with their intervals.

Shapes: I items, Q questions, R raters, K systems, C criteria, V values of a scale, F figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from flows.judging.journal import Journal
from flows.judging.sheet import Answer, Preference, Question, Ratings, Sheet
from lightning_modules.metrics import Interval
from lightning_modules.metrics.agreement import MISSING, Level, coincidences, krippendorff_alpha
from lightning_modules.metrics.base import Floats
from lightning_modules.metrics.bootstrap import intervals
from lightning_modules.metrics.preference import bradley_terry, win_share

PRIOR = 0.1
"""Wins that both sides of each pair start with: who never lost has a high strength then, not an infinite one."""
CRITERIA = tuple(Ratings.model_fields)
_RESAMPLES, _SEED = 2000, 17
"""Fixed, so that the same answers always give the same figures."""
_SIDES = ("left", "tie", "right")
_GRADES = 5


def code(answer: Answer, name: str) -> int:
    """An answer as a number from 0, in the order of its scale: of a pair 0 to 2, of a criterion 0 to 4."""
    return _SIDES.index(answer.preferred) if isinstance(answer, Preference) else int(getattr(answer, name)) - 1


def agreement(sheet: Sheet, journals: Sequence[Journal], name: str) -> Interval | None:
    """Krippendorff's alpha of 'preferred', which side, or of a criterion; None where it is not defined."""
    level: Level = "nominal" if name == "preferred" else "ordinal"
    values = len(_SIDES) if name == "preferred" else _GRADES
    asked = [(n, q) for n, q in _once(sheet) if (q.kind == "pair") == (name == "preferred")]
    codes_QR = np.array([[code(j.answers[n], name) if n in j.answers else MISSING for j in journals] for n, _ in asked])
    places = _places(sheet)
    counts_IX = np.zeros((len(places), values * values))
    np.add.at(counts_IX, [places[question.item] for _, question in asked], coincidences(codes_QR, values))
    (found,) = _intervals(lambda sums: krippendorff_alpha(sums, level)[..., None], counts_IX)
    return found


def wins(sheet: Sheet, journals: Sequence[Journal]) -> Floats:
    """Returns (I, K, K): answers that preferred the row's system to the column's, a tie as half of one to either."""
    places, size = _places(sheet), len(sheet.systems)
    wins_IKK = np.zeros((len(places), size, size))
    for question, answer in _answers(sheet, journals):
        if isinstance(answer, Preference):
            left, right = (sheet.systems.index(system) for system in question.systems)
            share = {"left": 1.0, "tie": 0.5, "right": 0.0}[answer.preferred]
            wins_IKK[places[question.item], left, right] += share
            wins_IKK[places[question.item], right, left] += 1 - share
    return wins_IKK


def pair_shares(wins_IKK: Floats) -> dict[tuple[int, int], Interval]:
    """Two systems, the earlier first -> the share of their pairs that preferred the first."""
    size = wins_IKK.shape[-1]
    shares = _intervals(lambda sums: win_share(_square(sums)).reshape(sums.shape), _flat(wins_IKK))
    upper = [(first, second) for first in range(size) for second in range(first + 1, size)]
    return {(i, j): share for i, j in upper if (share := shares[i * size + j]) is not None}


def strengths(systems: Sequence[str], wins_IKK: Floats) -> dict[str, Interval]:
    """System -> Bradley-Terry strength, in nats; empty without pairs."""
    if not wins_IKK.any():
        return {}
    found = _intervals(lambda sums: bradley_terry(_square(sums), PRIOR), _flat(wins_IKK))
    return {system: strength for system, strength in zip(systems, found, strict=True) if strength is not None}


def mean_ratings(sheet: Sheet, journals: Sequence[Journal]) -> dict[str, dict[str, Interval]]:
    """Criterion -> system -> mean rating; empty where nothing was rated."""
    places, size = _places(sheet), len(sheet.systems)
    sums_ICK2 = np.zeros((len(places), len(CRITERIA), size, 2))
    for question, answer in _answers(sheet, journals):
        if isinstance(answer, Ratings):
            place, system = places[question.item], sheet.systems.index(question.systems[0])
            sums_ICK2[place, :, system] += [[getattr(answer, name), 1] for name in CRITERIA]
    if not sums_ICK2.any():
        return {}
    found = _intervals(_means, _flat(sums_ICK2))
    rows = (found[place * size : (place + 1) * size] for place in range(len(CRITERIA)))
    return {
        criterion: {system: mean for system, mean in zip(sheet.systems, row, strict=True) if mean is not None}
        for criterion, row in zip(CRITERIA, rows, strict=True)
    }


def _answers(sheet: Sheet, journals: Sequence[Journal]) -> Iterator[tuple[Question, Answer]]:
    """All raters' answers to the questions that are not asked again."""
    for journal in journals:
        for number, question in _once(sheet):
            if number in journal.answers:
                yield question, journal.answers[number]


def _once(sheet: Sheet) -> list[tuple[int, Question]]:
    return [(number, question) for number, question in enumerate(sheet.questions) if question.repeats is None]


def _places(sheet: Sheet) -> dict[str, int]:
    return {item.id: place for place, item in enumerate(sheet.items)}


def _intervals(value: Callable[[Floats], Floats], counts_IX: Floats) -> list[Interval | None]:
    """Over the items that were answered: the others are no sample of anything yet."""
    answered = counts_IX[counts_IX.any(1)]
    return intervals(value, answered if len(answered) else counts_IX[:1], _RESAMPLES, _SEED)


def _flat(counts_I: Floats) -> Floats:
    return counts_I.reshape(len(counts_I), -1)


def _square(sums: Floats) -> Floats:
    size = round(sums.shape[-1] ** 0.5)
    return sums.reshape(*sums.shape[:-1], size, size)


def _means(sums: Floats) -> Floats:
    """(..., 2F) of sums and counts, in turn -> (..., F)."""
    total, count = sums[..., ::2], sums[..., 1::2]
    means: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means
