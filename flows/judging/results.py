"""What the raters' answers come to: their agreement, whom they preferred, how they rated; by system, no longer blind.

Intervals are of 95 %, by bootstrap over items: the answers about one item are not independent. A question that is asked
twice counts once, by its first answer; the second says how consistent a rater is.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.config import Config
from flows.judging import counting
from flows.judging.journal import Journal
from flows.judging.sheet import Preference, Sheet
from lightning_modules.metrics import Interval


class Consistency(Config):
    """How often a rater judged alike what was asked twice."""

    same: int
    asked: int


class Rater(Config):
    """What one rater did."""

    answered: int
    total: int
    left_share: float | None
    """Of the pairs preferred one way or the other; far from a half: a habit of the hand. None where there is none."""
    consistency: dict[str, Consistency]
    """'preferred' or a criterion -> answers to questions that were asked twice."""


class Pair(Config):
    """Two systems side by side."""

    first: str
    second: str
    answers: int
    share: Interval
    """Of the answers that preferred the first, ties as a half."""

    @property
    def wins(self) -> bool | None:
        """Whether the first is preferred; None if the interval holds a half."""
        if self.share.low <= 0.5 <= self.share.high:
            return None
        return self.share.low > 0.5


class Results(Config):
    """Of one sheet."""

    sheet: str
    task: str
    runs: list[str]
    systems: list[str]
    items: int
    alike: int
    """Pairs that were not asked, as both texts were the same."""
    raters: dict[str, Rater]
    agreement: dict[str, Interval | None]
    """'preferred' or a criterion -> Krippendorff's alpha, nominal for preferences (which side) and ordinal for ratings;
    None where it is not defined: fewer than two raters, or all answers the same."""
    pairs: list[Pair]
    strengths: dict[str, Interval]
    """System -> Bradley-Terry strength, in nats; empty without pairs."""
    ratings: dict[str, dict[str, Interval]]
    """Criterion -> system -> mean rating."""

    @property
    def figures(self) -> dict[str, float]:
        """Flat name -> value, with both ends of its interval."""
        named = {f"agreement/{name}": found for name, found in self.agreement.items()}
        named |= {f"bradley_terry/{system}": found for system, found in self.strengths.items()}
        named |= {f"preferred/{pair.first}/over/{pair.second}": pair.share for pair in self.pairs}
        for criterion, systems in self.ratings.items():
            named |= {f"{criterion}/{system}": found for system, found in systems.items()}
        return {
            f"{name}{end}": getattr(found, part)
            for name, found in named.items()
            if found is not None
            for end, part in (("", "value"), ("/low", "low"), ("/high", "high"))
        }


def results(sheet: Sheet, journals: Mapping[str, Journal]) -> Results:
    """Works the results out.

    Raises:
        ValueError: nobody has answered anything.
    """
    given = {rater: journal for rater, journal in journals.items() if journal.answers}
    if not given:
        raise ValueError(
            f"sheet {sheet.id} has no answers yet; `stagelm judge serve {sheet.id} --rater NAME` takes them"
        )
    kinds = {question.kind for question in sheet.questions}
    names = (*(["preferred"] if "pair" in kinds else []), *(counting.CRITERIA if "rating" in kinds else []))
    answered = list(given.values())
    wins_IKK = counting.wins(sheet, answered)
    played_KK = wins_IKK.sum(0) + wins_IKK.sum(0).T
    return Results(
        sheet=sheet.id,
        task=sheet.task,
        runs=sheet.runs,
        systems=sheet.systems,
        items=len(sheet.items),
        alike=sheet.alike,
        raters={rater: _rater(sheet, journal) for rater, journal in given.items()},
        agreement={name: counting.agreement(sheet, answered, name) for name in names},
        pairs=[
            Pair(first=sheet.systems[i], second=sheet.systems[j], answers=round(played_KK[i, j]), share=share)
            for (i, j), share in counting.pair_shares(wins_IKK).items()
        ],
        strengths=counting.strengths(sheet.systems, wins_IKK),
        ratings=counting.mean_ratings(sheet, answered),
    )


def _rater(sheet: Sheet, journal: Journal) -> Rater:
    sides = [answer.preferred for answer in journal.answers.values() if isinstance(answer, Preference)]
    decided = [side for side in sides if side != "tie"]
    alike: dict[str, list[bool]] = {}
    for number, question in enumerate(sheet.questions):
        if question.repeats is None or not {number, question.repeats} <= journal.answers.keys():
            continue
        first, again = journal.answers[question.repeats], journal.answers[number]
        for name in type(first).model_fields:
            code = counting.code(again, name)
            expected = 2 - code if name == "preferred" else code  # the sides were exchanged
            alike.setdefault(name, []).append(counting.code(first, name) == expected)
    return Rater(
        answered=len(journal.answers),
        total=len(sheet.questions),
        left_share=decided.count("left") / len(decided) if decided else None,
        consistency={name: Consistency(same=sum(same), asked=len(same)) for name, same in alike.items()},
    )
