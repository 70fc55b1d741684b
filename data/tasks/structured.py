"""Tables out of files that are none: two columns of tokens and tags (CoNLL), and nested questions (SQuAD)."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

TOKENS, TAGS = "tokens", "tags"
"""Columns of a CoNLL file."""


def read_conll(stream: BinaryIO) -> list[dict[str, Any]]:
    """Reads a token a line, its tag in the last column, and an empty line behind every sentence.

    Raises:
        ValueError: a line with a token and no tag.
    """
    rows: list[dict[str, Any]] = []
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*stream.read().decode("utf-8-sig").split("\n"), ""], start=1):
        columns = _columns(line)
        if not columns:
            if tokens:
                rows.append({TOKENS: tokens, TAGS: tags})
            tokens, tags = [], []
        elif columns[0] != "-DOCSTART-":
            if len(columns) < 2:
                raise ValueError(
                    f"line {number}: {line.strip()!r} is a token without a tag; write both, with a space between"
                )
            tokens.append(columns[0])
            tags.append(columns[-1])
    return rows


def _columns(line: str) -> list[str]:
    """Returns the cells of a line, between tabs where it has any, else spaces: a token may hold other blanks."""
    if not line.strip():
        return []
    cells = line.rstrip(" \t\r").split("\t" if "\t" in line else " ")
    return [cell.strip(" ") or cell for cell in cells if cell]


def read_json(stream: BinaryIO) -> list[dict[str, Any]]:
    """Reads a list of records, or the nested questions of SQuAD as rows of title, context, question and answers.

    Raises:
        ValueError: it is neither.
    """
    content = json.load(stream)
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        return list(_questions(content["data"]))
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return content
    raise ValueError("neither a list of records nor SQuAD's {'data': [{'paragraphs': ...}]}")


def _questions(articles: list[Any]) -> Iterator[dict[str, Any]]:
    for article in articles:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield {
                    "title": article.get("title", ""),
                    "context": paragraph["context"],
                    "question": question["question"],
                    "answers": [] if question.get("is_impossible") else question.get("answers", []),
                }
