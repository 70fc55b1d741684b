"""Which questions a sheet holds, that nothing of it depends on anything but its options, and that it is blind."""

from collections import Counter

import pytest

from flows.judging.drawing import draw_sheet
from flows.judging.sheet import Sheet, find_sheet
from tests.flows.judging.runs import write_run

SYSTEMS = ("pretrained", "scratch", "copy")


def draw(records, root, systems=SYSTEMS, **changed) -> Sheet:
    options = {"items": 40, "kinds": ("pair", "rating"), "shows_references": False, "seed": 3}
    return draw_sheet(records, root, "标题", systems, **options | changed)


def test_every_pair_and_every_text_of_every_item_is_asked_once_but_for_pairs_of_equal_texts(record, tmp_path):
    sheet = draw([record], tmp_path)

    asked = [question for question in sheet.questions if question.repeats is None]
    pairs = Counter((q.item, frozenset(q.systems)) for q in asked if q.kind == "pair")
    ratings = Counter((q.item, q.systems) for q in asked if q.kind == "rating")
    assert sheet.alike == 10
    assert len(pairs) == 40 * 3 - 10
    assert len(ratings) == 40 * 3
    assert set(pairs.values()) == set(ratings.values()) == {1}
    assert all(
        sheet.item(q).texts[q.systems[0]] != sheet.item(q).texts[q.systems[1]] for q in asked if q.kind == "pair"
    )


def test_items_carry_input_and_first_reference(record, tmp_path):
    item = next(item for item in draw([record], tmp_path).items if item.id == "e7")

    assert (item.input, item.reference) == ("新闻 7", "好标题 7")
    assert item.texts["copy"] == "copy 写 7 demo-1"


def test_sides_are_drawn_so_that_each_system_stands_left_about_half_the_time(record, tmp_path):
    pairs = [q for q in draw([record], tmp_path, ("pretrained", "scratch")).questions if q.kind == "pair"]

    left = sum(q.systems[0] == "pretrained" for q in pairs if q.repeats is None)
    assert 12 <= left <= 28  # of 40: within 2.5 standard deviations


def test_a_tenth_is_asked_again_at_the_end_with_sides_exchanged(record, tmp_path):
    questions = draw([record], tmp_path).questions

    first = [number for number, question in enumerate(questions) if question.repeats is None]
    again = questions[len(first) :]
    assert first == list(range(230))
    assert len(again) == 23
    assert len({question.repeats for question in again}) == 23
    for question in again:
        earlier = questions[question.repeats]
        assert (question.kind, question.item) == (earlier.kind, earlier.item)
        assert question.systems == earlier.systems[::-1]


def test_equal_options_give_an_equal_sheet_and_another_seed_another(record, tmp_path):
    once, again, other = (draw([record], tmp_path, seed=seed) for seed in (3, 3, 4))

    assert once == again
    assert once.id == again.id != other.id
    assert [item.id for item in once.items] != [item.id for item in other.items]


def test_two_runs_meet_on_the_examples_that_both_scored(record, tmp_path):
    second = write_run(tmp_path, "demo-2", first=10)

    sheet = draw([record, second], tmp_path, ("pretrained", "reference"), items=100)
    assert sheet.systems == ["demo-1/pretrained", "demo-2/pretrained", "reference"]
    assert len(sheet.items) == 30
    assert next(item for item in sheet.items if item.id == "e12").texts == {
        "demo-1/pretrained": "pretrained 写 12 demo-1",
        "demo-2/pretrained": "pretrained 写 12 demo-2",
        "reference": "好标题 12",
    }


@pytest.mark.parametrize(
    ("systems", "changed", "message"),
    [
        (("pretrained", "scrach"), {}, "no texts of a system 'scrach'. Known: pretrained, scratch, copy, reference"),
        (("pretrained",), {}, "pairs need two systems, got pretrained"),
        (("pretrained", "pretrained"), {}, "pairs need two systems, got pretrained"),
        (("pretrained", "reference"), {"shows_references": True}, "is not hidden from raters who see the reference"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_name(record, tmp_path, systems, changed, message):
    with pytest.raises(ValueError, match=message):
        draw([record], tmp_path, systems, **changed)


def test_tasks_without_texts_or_scores_and_a_run_named_twice_are_refused(record, tmp_path):
    options = {"items": 1, "kinds": ("rating",), "shows_references": False, "seed": 1}
    with pytest.raises(ValueError, match="hold no texts to judge"):
        draw_sheet([record], tmp_path, "language-model", ["pretrained"], **options)
    with pytest.raises(ValueError, match=r"no scores of 'headline'\. Known: 标题, language-model"):
        draw_sheet([record], tmp_path, "headline", ["pretrained"], **options)
    with pytest.raises(ValueError, match="the same run twice"):
        draw([record, record], tmp_path)


def test_sheet_is_found_by_its_beginning_and_never_by_a_path(record, tmp_path):
    sheet = draw([record], tmp_path)
    folder = sheet.save(tmp_path)
    draw([record], tmp_path, seed=9).save(tmp_path)

    assert find_sheet(tmp_path, sheet.id) == (sheet, folder)
    assert find_sheet(tmp_path, sheet.id[:-2]) == (sheet, folder)
    with pytest.raises(ValueError, match="fits several sheets"):
        find_sheet(tmp_path, "标题")
    for name in ("", "../judging", f"../judging/{sheet.id}", "/"):
        with pytest.raises(ValueError, match="is no judging sheet"):
            find_sheet(tmp_path, name)
