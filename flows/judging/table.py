"""A sheet on paper: a CSV file to fill in, without the systems' names, and the way back.

UTF-8 with a byte order mark, by which spreadsheets know that Chinese is no Latin-1. A cell that a spreadsheet would
take for a formula begins with an apostrophe: what a model wrote must not run.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from flows.judging.journal import Journal
from flows.judging.sheet import ANSWERS, Answer, Preference, Ratings, Sheet

_ASKED = ("sheet", "question", "kind", "input", "reference", "left", "right", "text")
_ANSWERED = (*Preference.model_fields, *Ratings.model_fields)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_CELL = 2**24
"""Characters; the library's own limit of 131,072 is less than a long article."""


def export_table(sheet: Sheet, path: Path) -> None:
    """Writes one row a question, with the columns of the answers empty.

    Raises:
        ValueError: there is such a file: it may have been filled in.
    """
    if path.exists():
        raise ValueError(f"{path}: is there already, and may hold answers; name another file, or remove it")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, [*_ASKED, *_ANSWERED], restval="")
        writer.writeheader()
        for number, question in enumerate(sheet.questions):
            item = sheet.item(question)
            texts = [item.texts[system] for system in question.systems]
            shown = dict(zip(("left", "right") if question.kind == "pair" else ("text",), texts, strict=True))
            shown |= {"input": item.input, "reference": item.reference if sheet.shows_references else ""}
            cells = {column: _plain(text) for column, text in shown.items()}
            writer.writerow({"sheet": sheet.id, "question": number, "kind": question.kind, **cells})


def import_table(journal: Journal, path: Path) -> int:
    """Adds the answers of a filled-in table to a rater's; rows without any answer are passed over.

    Answers that are there already and equal are left as they are. Nothing is kept of a table with a fault in it.

    Returns:
        How many answers were new.

    Raises:
        ValueError: not such a table, of another sheet, an answer out of bounds, or unlike the one that is there.
    """
    found: dict[int, Answer] = {}
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in (reader := csv.DictReader(file)):
                place = f"{path}:{reader.line_num}"
                given = {column: (row.get(column) or "").strip().lower() for column in _ANSWERED}
                if any(given.values()):
                    number, answer = _answer(journal.sheet, row, given, place)
                    if found.setdefault(number, answer) != answer:
                        raise ValueError(f"{place}: question {number} is answered twice, and differently")
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error}); save it as 'CSV UTF-8'") from error
    for number, answer in found.items():
        if journal.answers.get(number, answer) != answer:
            raise ValueError(f"{path}: question {number} has another answer already; take it out of the table")
    new = {number: answer for number, answer in found.items() if number not in journal.answers}
    for number, answer in new.items():
        journal.answer(number, answer)
    return len(new)


def _answer(sheet: Sheet, row: Mapping[str, str], given: Mapping[str, str], place: str) -> tuple[int, Answer]:
    if row.get("sheet") != sheet.id:
        raise ValueError(f"{place}: of sheet {row.get('sheet')!r}, not of {sheet.id}; import it there")
    written = row.get("question") or ""
    number = int(written) if _is_number(written) else len(sheet.questions)
    if number >= len(sheet.questions):
        raise ValueError(f"{place}: question: got {written!r}, allowed 0 to {len(sheet.questions) - 1}")
    kind = sheet.questions[number].kind
    answers = {
        name: int(text) if name in Ratings.model_fields and _is_number(text) else text
        for name, text in given.items()
        if text
    }
    try:
        return number, ANSWERS[kind].model_validate(answers)
    except ValidationError as error:
        raise ValueError("\n".join(_fault(place, kind, detail["loc"], given) for detail in error.errors())) from None


def _fault(place: str, kind: str, location: tuple[int | str, ...], given: Mapping[str, str]) -> str:
    column = str(location[0])
    if column not in ANSWERS["pair" if kind == "pair" else "rating"].model_fields:
        return f"{place}: {column}: leave it empty in a question of kind {kind!r}"
    allowed = "left, tie or right" if kind == "pair" else "a whole number from 1 to 5"
    return f"{place}: {column}: got {given[column]!r}, allowed {allowed}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
