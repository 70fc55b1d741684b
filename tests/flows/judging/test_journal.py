"""Answers stay whatever happens: undo, kills in the middle of a line, a full disk, a second process."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.judging.journal import Journal, OutOfTurnError, rater_name, read_journals
from flows.judging.sheet import Preference, Ratings

LEFT, TIE = Preference(preferred="left"), Preference(preferred="tie")
GRADES = Ratings(fluency=1, adequacy=5, coherence=3)


def test_answers_are_there_again_after_a_restart(sheet, folder):
    with Journal.writing(sheet, folder, "安娜") as journal:
        assert journal.current == 0
        journal.answer(0, LEFT)
        journal.answer(1, TIE)
        journal.answer(2, GRADES)
        journal.undo(3)
        journal.undo(2)
        journal.answer(1, LEFT)

    with Journal.writing(sheet, folder, "安娜") as journal:
        assert journal.answers == {0: LEFT, 1: LEFT}
        assert journal.current == 2
    assert read_journals(sheet, folder)["安娜"].answers == {0: LEFT, 1: LEFT}


@settings(deadline=None, max_examples=30, derandomize=True)
@given(cut=st.integers(0, 300))
def test_cut_anywhere_the_journal_holds_the_answers_whose_lines_are_whole(cut: int, tmp_path_factory, request):
    sheet = request.getfixturevalue("sheet")
    folder = sheet.save(tmp_path_factory.mktemp("cut"))
    with Journal.writing(sheet, folder, "anna") as journal:
        for number, answer in enumerate((LEFT, TIE, GRADES)):
            journal.answer(number, answer)
    path = folder / "anna.jsonl"
    content = path.read_bytes()[:cut]
    path.write_bytes(content)

    kept = content.count(b"\n")
    assert len(Journal.read(sheet, path).answers) == kept
    with Journal.writing(sheet, folder, "anna") as journal:
        journal.answer(kept, (LEFT, TIE, GRADES, GRADES)[kept])
    assert list(Journal.read(sheet, path).answers) == list(range(kept + 1))


def test_second_tab_neither_answers_twice_nor_takes_back_what_it_has_not_seen(sheet, folder):
    with Journal.writing(sheet, folder, "anna") as journal:
        journal.answer(0, LEFT)
        with pytest.raises(OutOfTurnError):
            journal.answer(0, TIE)
        journal.answer(1, TIE)
        with pytest.raises(OutOfTurnError):
            journal.undo(1)

    assert read_journals(sheet, folder)["anna"].answers == {0: LEFT, 1: TIE}


def test_one_process_at_a_time_takes_a_raters_answers(sheet, folder):
    with Journal.writing(sheet, folder, "anna"):
        with pytest.raises(ValueError, match="another process takes the answers of anna already"):
            Journal.writing(sheet, folder, "anna").__enter__()
        with Journal.writing(sheet, folder, "ben"):
            pass
    with Journal.writing(sheet, folder, "anna"):
        pass


def test_answer_that_the_disk_did_not_take_is_not_kept(sheet, folder, monkeypatch):
    with Journal.writing(sheet, folder, "anna") as journal:
        journal.answer(0, LEFT)
        write = os.write
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
        with pytest.raises(OSError, match="the disk is full"):
            journal.answer(1, TIE)
        assert journal.current == 1
        monkeypatch.undo()
        journal.answer(1, LEFT)

    assert read_journals(sheet, folder)["anna"].answers == {0: LEFT, 1: LEFT}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[1]",
        '{"question": 99, "answer": {"preferred": "left"}}',
        '{"question": 0, "answer": {"preferred": "left"}}',
        '{"question": true, "answer": {"preferred": "left"}}',
        '{"question": 1, "answer": {"fluency": 3, "adequacy": 3, "coherence": 3}}',
        '{"undo": 4}',
    ],
)
def test_line_that_is_no_answer_is_named_with_its_place(sheet, folder, line):
    path = folder / "anna.jsonl"
    path.write_text('{"question": 0, "answer": {"preferred": "tie"}, "at": 1}\n' + line + "\n")

    with pytest.raises(ValueError, match=r"anna\.jsonl:2: not a line of a journal of sheet headline-"):
        Journal.read(sheet, path)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".hidden", "-x", "a\n", "x" * 41, "a\0"])
def test_rater_whose_name_could_be_a_path_is_refused(sheet, folder, name):
    with pytest.raises(ValueError, match="a name is 1 to 40 letters or digits"):
        Journal.writing(sheet, folder, name).__enter__()
    assert [path.name for path in folder.iterdir()] == ["sheet.json"]


def test_names_that_look_alike_are_one_rater():
    assert rater_name("Rene\u0301e") == rater_name("Ren\u00e9e")
    assert rater_name("安娜-2") == "安娜-2"
