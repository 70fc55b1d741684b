"""Rows of extractive question answering: a question, and where in a context its answer stands."""

from typing import Any

from data.question import question_input
from data.tasks.base import Example
from data.tasks.cells import listed


def question_example(question: str, context: str, answers: Any, group: str | None) -> Example:
    """Returns the example of a row.

    Args:
        question: on one line or several.
        context: holds the answers.
        answers: a text, a list of texts, SQuAD's record of lists ('text', 'answer_start'), or a list of its records
            ('text', 'answer_start'). Without a start the first place that reads so is taken. None at all: the context
            does not answer the question.
        group: None: questions about one context stay together.

    `target` is the first answer and `details.span` its [start, end] in the input; null where it is not there.
    """
    text, offset = question_input(question, context)
    given = _given(answers)
    answer, *others = dict.fromkeys(answer for answer, _ in given) or [""]
    start = given[0][1] if given else None
    place = context.find(answer) if start is None else start
    found = bool(answer) and place >= 0 and context[place : place + len(answer)] == answer
    span = [offset + place, offset + place + len(answer)] if found else None
    return Example(text, answer, context if group is None else group, others=tuple(others), details={"span": span})


def problem(example: Example) -> str | None:
    """Returns why an example cannot be learned, or None."""
    return "answer_not_in_text" if example.target and example.details["span"] is None else None


def _given(answers: Any) -> list[tuple[str, int | None]]:
    if isinstance(answers, dict):
        texts, starts = answers.get("text", []), answers.get("answer_start", [])
        return list(zip(map(str, texts), map(int, starts), strict=True))
    found: list[tuple[str, int | None]] = []
    for answer in [answers] if isinstance(answers, str) else listed(answers):
        text, start = (answer["text"], answer.get("answer_start")) if isinstance(answer, dict) else (answer, None)
        if str(text).strip():
            found.append((str(text), None if start is None else int(start)))
    return found
