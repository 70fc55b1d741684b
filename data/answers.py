"""Answers that are more than one text, written as text: equal answers are equal strings.

`classes`: a JSON list of names, sorted. `tags`: a JSON list of [start, end, label] in characters, in order.
`ranking`: a JSON list of the candidates' ids, the best first.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class TaggedSpan(NamedTuple):
    """A stretch of a text with a label; sorts by where it starts."""

    start: int
    """First character."""
    end: int
    """Behind the last character."""
    label: str


def classes_text(names: Iterable[str]) -> str:
    """Returns the canonical text of a set of classes."""
    return json.dumps(sorted(set(names)), ensure_ascii=False)


def read_classes(text: str) -> list[str]:
    """Returns the names in `classes_text`."""
    return [str(name) for name in json.loads(text)]


def tags_text(spans: Iterable[TaggedSpan]) -> str:
    """Returns the canonical text of tagged spans."""
    return json.dumps(sorted(set(spans)), ensure_ascii=False)


def read_tags(text: str) -> list[TaggedSpan]:
    """Returns the spans in `tags_text`."""
    return [TaggedSpan(int(start), int(end), str(label)) for start, end, label in json.loads(text)]


def ranking_text(ids: Sequence[str]) -> str:
    """Returns the canonical text of a ranking."""
    return json.dumps(list(ids), ensure_ascii=False)


def read_ranking(text: str) -> list[str]:
    """Returns the ids in `ranking_text`."""
    return [str(candidate) for candidate in json.loads(text)]
