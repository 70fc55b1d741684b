"""Rows of tagged spans: text with [start, end, label], or tokens with a tag each (BIO, as in CoNLL files)."""

import re
from collections.abc import Container, Sequence
from itertools import pairwise
from typing import Any

from data.answers import TaggedSpan
from data.examples import UNSPACED_LANGUAGES
from data.tasks.cells import listed

_OPENS, _GOES_ON = frozenset("BSU"), frozenset("IMEL")
"""What a tag begins with where a span begins, and where it goes on: in BIO, BMES and BIOES, and BILOU."""
_WORD_END, _WORD_START = re.compile(r"[A-Za-z0-9]\Z"), re.compile(r"[A-Za-z0-9]")


def spans_of(cell: Any, labels: Container[str]) -> list[TaggedSpan]:
    """Returns the spans of a cell: lists or records of start, end and label, in characters; those of `labels` alone.

    Raises:
        ValueError: a span that is not written like one.
    """
    found = []
    for given in listed(cell):
        parts: Any = [given.get(key) for key in ("start", "end", "label")] if isinstance(given, dict) else given
        try:
            start, end, label = parts
            span = TaggedSpan(int(start), int(end), str(label))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{given!r} is no span; write [start, end, label], in characters") from error
        if span.label in labels:
            found.append(span)
    return found


def joined(
    tokens: Sequence[str], tags: Sequence[str], labels: Container[str], language: str
) -> tuple[str, list[TaggedSpan]]:
    """Returns the text of tokens and the spans that their tags make.

    Between tokens stands a space; in languages written without, only between two words of Latin letters or digits.
    B-x starts a span of x, I-x goes on with one of x or starts it where there is none, as conlleval counts. Of schemes
    that say more, S-x and U-x are read as B-x, and M-x, E-x and L-x as I-x. All other tags are outside of any.

    Raises:
        ValueError: there are not as many tags as tokens.
    """
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tokens)} tokens, but {len(tags)} tags; each token has one")
    text, found, open_label = "", [], None
    for token, tag in zip(tokens, tags, strict=True):
        text += _between(text, token, language)
        start, (place, _, label) = len(text), tag.partition("-")
        text += token
        inside = place in _OPENS | _GOES_ON and label in labels
        if inside and place in _GOES_ON and label == open_label:
            found[-1] = found[-1]._replace(end=len(text))
        elif inside:
            found.append(TaggedSpan(start, len(text), label))
        open_label = label if inside else None
    return text, found


def problem(text: str, spans: Sequence[TaggedSpan]) -> str | None:
    """Returns why these spans cannot be learned, or None."""
    if any(not 0 <= span.start < span.end <= len(text) for span in spans):
        return "span_outside_text"
    ordered = sorted(spans)
    if any(one.end > other.start for one, other in pairwise(ordered)):
        return "overlapping_spans"
    return None


def _between(before: str, token: str, language: str) -> str:
    if not before:
        return ""
    if language in UNSPACED_LANGUAGES and not (_WORD_END.search(before) and _WORD_START.match(token)):
        return ""
    return " "
