"""A rater's answers, one line each, on the disk before anybody is told that they are kept.

A line is an answer or takes the latest one back. Whoever is killed in the middle of a line loses that line alone: it
was not confirmed, and is cut off when the journal is opened again. One process at a time writes a journal.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from flows.judging.sheet import ANSWERS, Answer, Sheet
from flows.store import sync_folder

ENDING = ".jsonl"
_NAME = re.compile(r"\w[\w-]{0,39}")


class OutOfTurnError(ValueError):
    """Another question is to be answered, or taken back, than was meant: another tab has gone on."""


def rater_name(name: str) -> str:
    """Returns the name as files and tables carry it.

    Raises:
        ValueError: it holds more than letters, digits, '_' and '-', or more than 40 of them.
    """
    composed = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(composed):
        raise ValueError(f"rater {name!r}: a name is 1 to 40 letters or digits of any language, '_' and '-' among them")
    return composed


class Journal:
    """The answers of one rater to one sheet."""

    def __init__(self, sheet: Sheet, path: Path) -> None:
        self.sheet = sheet
        self.answers: dict[int, Answer] = {}
        """Number of the question -> answer, in the order in which they were given."""
        self._path = path
        self._file = -1

    @classmethod
    def read(cls, sheet: Sheet, path: Path) -> Self:
        """Reads the answers, and only that; an unfinished last line is passed over.

        Raises:
            ValueError: a line is not an answer to a question of this sheet.
        """
        journal = cls(sheet, path)
        for number, line in enumerate(_whole_lines(path).splitlines(), 1):
            try:
                journal._replay(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}:{number}: not a line of a journal of sheet {sheet.id} ({error}); mend or remove the line"
                ) from error
        return journal

    @classmethod
    @contextmanager
    def writing(cls, sheet: Sheet, folder: Path, rater: str) -> Iterator[Self]:
        """Opens a rater's journal for writing, and begins it if there is none.

        Raises:
            ValueError: `rater` is no name, another process is writing this journal, or it cannot be read.
        """
        path = folder / f"{rater_name(rater)}{ENDING}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"{path}: another process takes the answers of {rater} already; end it first"
                ) from None
            os.ftruncate(descriptor, len(_whole_lines(path)))
            sync_folder(folder)
            journal = cls.read(sheet, path)
            journal._file = descriptor
            yield journal
        finally:
            os.close(descriptor)

    @property
    def current(self) -> int | None:
        """Number of the first question without an answer; None when all have one."""
        return next((number for number in range(len(self.sheet.questions)) if number not in self.answers), None)

    def answer(self, number: int, answer: Answer) -> None:
        """Keeps an answer.

        Raises:
            OutOfTurnError: the question has one already.
        """
        if number in self.answers:
            raise OutOfTurnError(f"question {number} is answered already")
        self._append({"question": number, "answer": answer.model_dump(mode="json"), "at": time.time()})
        self.answers[number] = answer

    def undo(self, answered: int) -> None:
        """Takes the latest answer back.

        Args:
            answered: how many answers the rater saw; a second tab that saw fewer or more takes nothing back.

        Raises:
            OutOfTurnError: there are more or fewer, or none.
        """
        if not self.answers or len(self.answers) != answered:
            raise OutOfTurnError(f"there are {len(self.answers)} answers, not {answered}")
        self._append({"undo": next(reversed(self.answers)), "at": time.time()})
        self.answers.popitem()

    def _append(self, line: dict[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(f"{self._path}: the disk is full; make room and answer again")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)  # half a line must not lie before the next one
            raise

    def _replay(self, line: dict[str, Any]) -> None:
        if "undo" in line:
            if next(reversed(self.answers), None) != line["undo"]:
                raise ValueError("takes back what is not the latest answer")
            self.answers.popitem()
            return
        number = line["question"]
        if type(number) is not int or not 0 <= number < len(self.sheet.questions) or number in self.answers:
            raise ValueError(f"question {number!r} is none, or answered before")
        self.answers[number] = ANSWERS[self.sheet.questions[number].kind].model_validate(line["answer"])


def read_journals(sheet: Sheet, folder: Path) -> dict[str, Journal]:
    """Rater -> answers, by name."""
    return {path.stem: Journal.read(sheet, path) for path in sorted(folder.glob(f"*{ENDING}"))}


def _whole_lines(path: Path) -> bytes:
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]
