"""What answers come to, counted by hand on a small sheet and by known strengths on a large one; as they are shown."""

import io
import math
from collections.abc import Mapping

import numpy as np
import pytest
from rich.console import Console

from flows.judging.drawing import draw_sheet
from flows.judging.journal import Journal
from flows.judging.results import Consistency, results
from flows.judging.sheet import Answer, Preference, Ratings, Sheet
from flows.report.judged import judged_html, judged_tables

LEFT, TIE, RIGHT = (Preference(preferred=side) for side in ("left", "tie", "right"))


def grades(fluency: int, adequacy: int, coherence: int) -> Ratings:
    return Ratings(fluency=fluency, adequacy=adequacy, coherence=coherence)


def journal(sheet: Sheet, folder, rater: str, answers: Mapping[int, Answer]) -> Journal:
    with Journal.writing(sheet, folder, rater) as kept:
        for number, answer in answers.items():
            kept.answer(number, answer)
    return kept


@pytest.fixture
def judged(sheet, folder):
    """Anna answers everything, Ben all but what is asked again."""
    anna = {0: LEFT, 1: TIE, 2: grades(1, 2, 3), 3: grades(4, 5, 5), 4: RIGHT, 5: grades(1, 2, 5)}
    ben = {0: LEFT, 1: RIGHT, 2: grades(2, 2, 3), 3: grades(4, 4, 4)}
    return results(
        sheet,
        {"anna": journal(sheet, folder, "anna", anna), "ben": journal(sheet, folder, "ben", ben)},
    )


def test_preferences_go_to_the_systems_behind_the_sides_with_ties_half(judged):
    (pair,) = judged.pairs

    # Item a: alpha was left and preferred twice. Item b: alpha was right; a tie and a win. The repeat is not counted.
    assert (pair.first, pair.second, pair.answers) == ("alpha-net", "beta-net", 4)
    assert pair.share.value == 3.5 / 4
    assert (pair.share.low, pair.share.high) == (0.75, 1.0)
    assert pair.wins is True
    alpha, beta = judged.strengths["alpha-net"], judged.strengths["beta-net"]
    assert alpha.value - beta.value == pytest.approx(math.log(3.6 / 0.6))
    assert alpha.value + beta.value == pytest.approx(0)


def test_ratings_are_means_over_all_raters_answers(judged):
    assert judged.ratings["fluency"]["alpha-net"].value == 1.5
    assert judged.ratings["adequacy"]["beta-net"].value == 4.5
    # One item was rated: its resamples are all the same.
    assert judged.ratings["coherence"]["beta-net"].low == judged.ratings["coherence"]["beta-net"].high == 4.5


def test_raters_are_held_against_themselves_with_the_sides_exchanged(judged):
    anna, ben = judged.raters["anna"], judged.raters["ben"]

    assert anna.consistency == {
        "preferred": Consistency(same=1, asked=1),
        "fluency": Consistency(same=1, asked=1),
        "adequacy": Consistency(same=1, asked=1),
        "coherence": Consistency(same=0, asked=1),
    }
    assert ben.consistency == {}
    assert (anna.answered, ben.answered, ben.total) == (6, 4, 6)
    assert anna.left_share == 0.5
    assert ben.left_share == 0.5


def test_agreement_is_krippendorffs_alpha_of_what_both_answered(judged):
    # Preferred: left left | tie right. D_o = 1/2; of 4 values 2 are the same two: D_e = 1 - 2/12.
    assert judged.agreement["preferred"].value == pytest.approx(1 - (1 / 2) / (10 / 12))
    # Adequacy: 2 2 | 5 4, ordinal. Ranks 1.5, 1.5, 4, 3: squares within 1; between 2 x (2.5^2 + 1.5^2) + 1.
    assert judged.agreement["adequacy"].value == pytest.approx(1 - (2 / 4) / (2 * (2 * (6.25 + 2.25) + 1) / 12))


def test_one_rater_alone_has_no_agreement(sheet, folder):
    alone = results(sheet, {"anna": journal(sheet, folder, "anna", {0: LEFT, 2: grades(3, 3, 3)})})

    assert set(alone.agreement.values()) == {None}
    assert alone.figures["preferred/alpha-net/over/beta-net"] == 1
    assert all(math.isfinite(value) for value in alone.figures.values())
    assert not any(name.startswith("agreement") for name in alone.figures)


def test_sheet_without_answers_says_how_to_get_them(sheet, folder):
    with pytest.raises(ValueError, match=r"has no answers yet; `stagelm judge serve headline-\w+ --rater NAME`"):
        results(sheet, {"anna": journal(sheet, folder, "anna", {})})


def test_strengths_that_the_answers_were_drawn_from_are_found(record, tmp_path):
    true = {"pretrained": 0.8, "scratch": -0.8, "reference": 0.0}
    sheet = draw_sheet([record], tmp_path, "标题", list(true), items=40, kinds=["pair"], shows_references=False, seed=2)
    folder, random = sheet.save(tmp_path), np.random.default_rng(4)
    journals = {}
    for rater in ("安娜", "ben", "carl"):
        answers = {}
        for number, question in enumerate(sheet.questions):
            left, right = (true[system] for system in question.systems)
            answers[number] = LEFT if random.random() < 1 / (1 + math.exp(right - left)) else RIGHT
        journals[rater] = journal(sheet, folder, rater, answers)

    found = results(sheet, journals)
    assert {name: strength.low <= true[name] <= strength.high for name, strength in found.strengths.items()} == (
        dict.fromkeys(true, True)
    )
    assert next(pair for pair in found.pairs if pair.second == "scratch").wins is True
    assert list(found.raters) == ["安娜", "ben", "carl"]
    assert found == results(sheet, journals)


def test_page_and_tables_hold_every_figure_and_no_markup_of_names(judged):
    hostile = judged.model_copy(
        update={
            "raters": {"<b>": judged.raters["anna"]},
            "runs": ["<script>"],
            "agreement": {"preferred": None},
            "alike": 7,
        }
    )
    page = judged_html(hostile)
    shown = io.StringIO()
    Console(file=shown, width=160).print(judged_tables(hostile))

    for text in (page, shown.getvalue()):
        assert "0.875 (0.750 .. 1.000)" in text
        assert "preferred 1/1, fluency 1/1, adequacy 1/1, coherence 0/1" in text
        assert "not defined: one rater, or all answers alike" in text
        assert "7 pairs of equal texts were not asked" in text
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "<b>" in shown.getvalue()
