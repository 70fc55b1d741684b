"""The sheet on paper: blind, safe in a spreadsheet, and read back only when all of it is right."""

import csv

import pytest

from flows.judging.journal import Journal
from flows.judging.sheet import Preference, Ratings
from flows.judging.table import export_table, import_table
from tests.flows.judging.runs import HOSTILE


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def filled(sheet, tmp_path):
    """The path of the exported table, and a way to fill it in: question -> answers."""
    path = tmp_path / "filled.csv"
    export_table(sheet, path)

    def fill(answers, **changed):
        rows = rows_of(path)
        for number, answer in answers.items():
            rows[number] |= answer | changed
        write_rows(path, rows)
        return path

    return fill


def test_table_holds_the_texts_and_neither_systems_nor_hidden_references(sheet, tmp_path):
    path = tmp_path / "sheet.csv"
    export_table(sheet, path)

    rows = rows_of(path)
    assert len(rows) == 6
    assert (rows[0]["input"], rows[0]["left"], rows[0]["right"]) == (HOSTILE, HOSTILE, "好的")
    assert rows[3]["text"] == "好的"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    written = path.read_text(encoding="utf-8")
    assert not any(hidden in written for hidden in ("alpha-net", "beta-net", "秘密", "secret"))


def test_table_that_may_be_filled_in_is_not_written_over(sheet, tmp_path, filled):
    path = filled({0: {"preferred": "left"}})
    with pytest.raises(ValueError, match="may hold answers; name another file"):
        export_table(sheet, path)
    assert rows_of(path)[0]["preferred"] == "left"


def test_text_that_a_spreadsheet_would_run_is_disarmed(sheet, tmp_path):
    export_table(sheet, tmp_path / "sheet.csv")

    assert rows_of(tmp_path / "sheet.csv")[1]["right"] == "'=1+1"


def test_filled_in_rows_become_answers_and_a_second_import_adds_nothing(sheet, folder, filled):
    path = filled({1: {"preferred": " Tie "}, 3: {"fluency": "4", "adequacy": "1", "coherence": "5"}})
    with Journal.writing(sheet, folder, "anna") as journal:
        assert import_table(journal, path) == 2
        assert import_table(journal, path) == 0
        assert journal.answers == {
            1: Preference(preferred="tie"),
            3: Ratings(fluency=4, adequacy=1, coherence=5),
        }
        assert journal.current == 0


@pytest.mark.parametrize(
    ("row", "answer", "message"),
    [
        (0, {"preferred": "middle"}, r"csv:\d+: preferred: got 'middle', allowed left, tie or right"),
        (0, {"preferred": "left", "fluency": "3"}, "fluency: leave it empty in a question of kind 'pair'"),
        (2, {"fluency": "3", "adequacy": "3"}, "coherence: got '', allowed a whole number from 1 to 5"),
        (2, {"fluency": "6", "adequacy": "3", "coherence": "3"}, "fluency: got '6', allowed a whole number"),
        (2, {"fluency": "²", "adequacy": "3", "coherence": "3"}, "fluency: got '²', allowed a whole number"),
        (0, {"preferred": "left", "sheet": "other-1"}, "of sheet 'other-1', not of headline-"),
        (0, {"preferred": "left", "question": "99"}, "question: got '99', allowed 0 to 5"),
        (0, {"preferred": "left", "question": "-1"}, "question: got '-1', allowed 0 to 5"),
        (0, {"preferred": "left", "question": "4"}, "question 4 is answered twice, and differently"),
    ],
)
def test_table_with_a_fault_is_refused_and_nothing_of_it_kept(sheet, folder, filled, row, answer, message):
    path = filled({1: {"preferred": "left"}, 4: {"preferred": "tie"}, row: answer})
    with Journal.writing(sheet, folder, "anna") as journal:
        with pytest.raises(ValueError, match=message):
            import_table(journal, path)
        assert journal.answers == {}


def test_answer_unlike_the_one_that_is_there_is_refused(sheet, folder, filled):
    with Journal.writing(sheet, folder, "anna") as journal:
        journal.answer(0, Preference(preferred="left"))
        with pytest.raises(ValueError, match="question 0 has another answer already"):
            import_table(journal, filled({0: {"preferred": "right"}}))


def test_file_in_another_encoding_is_refused(sheet, folder, tmp_path):
    path = tmp_path / "gbk.csv"
    path.write_bytes("标题".encode("gbk"))
    with Journal.writing(sheet, folder, "anna") as journal, pytest.raises(ValueError, match="save it as 'CSV UTF-8'"):
        import_table(journal, path)
