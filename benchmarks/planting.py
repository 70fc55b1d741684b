"""Texts with personal data planted at known places, and as many with what only looks like it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.pii_drawing import Drawing
from benchmarks.pii_lookalikes import GENERAL, PARTICULAR
from benchmarks.pii_values import CHINESE, ENGLISH
from data.pii import Span

Finder = Callable[[list[str]], Sequence[Sequence[Span]]]


@dataclass(frozen=True)
class Labelled:
    """A text, what was planted in it, and the type it is meant to try."""

    text: str
    spans: tuple[Span, ...]
    type: str


@dataclass
class Score:
    """Counts of spans of one type; a find counts where type and both ends are right."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    examples: list[str] = field(default_factory=list)
    """What was wrong or missed, to look at."""

    @property
    def precision(self) -> float:
        """Share of the finds that are right."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of the planted spans that were found."""
        return self.right / max(self.right + self.missed, 1)


def plant(sentences: Sequence[str], language: str, each: int, seed: int = 0) -> Iterator[Labelled]:
    """Yields for each type of the language `each` texts that hold it and as many that hold what looks like it.

    Carriers are the sentences without '@' and with hardly a digit, so that all there is to find is what was planted.
    """
    d, chinese = Drawing(seed), language == "zh"
    carriers = [text for text in sentences if "@" not in text and sum(map(str.isdigit, text)) < 4 and len(text) > 8]
    for name, forms in (CHINESE if chinese else ENGLISH).items():
        for index in range(each):
            lead, value = forms[index % len(forms)](d)
            before, after = _around(d, d.random.choice(carriers), chinese)
            start = len(before) + len(lead)
            span = Span(start, start + len(value), name)
            yield Labelled(before + lead + value + after, (span,), name)
        looks = [*PARTICULAR[name], *GENERAL]
        for index in range(each):
            before, after = _around(d, d.random.choice(carriers), chinese)
            yield Labelled(before + looks[index % len(looks)](d) + after, (), name)


def _around(d: Drawing, sentence: str, chinese: bool) -> tuple[str, str]:
    """The sentence in two parts, between which something stands as it does in such text."""
    if chinese:
        places = [
            place for place in range(1, len(sentence)) if not re.search(r"[!-~]", sentence[place - 1 : place + 1])
        ]
        place = d.random.choice(places or [len(sentence)])
        opening, closing = d.random.choice(
            [("", ""), ("", ""), ("，", "，"), ("（", "）"), ("：", "。"), (" ", " "), ("", "。")]
        )
        return sentence[:place] + opening, closing + sentence[place:]
    words = sentence.split(" ")
    place = d.random.randrange(1, len(words)) if len(words) > 1 else 1
    opening, closing = d.random.choice(
        [(" ", " "), (" ", " "), (" ", ", "), (" (", ") "), (": ", ". "), ("\n", "\n"), (' "', '" ')]
    )
    return " ".join(words[:place]) + opening, closing + " ".join(words[place:])


def score(labelled: Iterable[Labelled], find: Finder) -> dict[str, Score]:
    """Type -> score of what the finder gives for these texts."""
    scores = defaultdict[str, Score](Score)
    texts = list(labelled)
    for text, spans in zip(texts, find([text.text for text in texts]), strict=True):
        expected, found = Counter(text.spans), Counter(spans)
        for span in (expected & found).elements():
            scores[span.type].right += 1
        for span in (found - expected).elements():
            scores[span.type].wrong += 1
            scores[span.type].examples.append(f"wrong: {_shown(text.text, span)}")
        for span in (expected - found).elements():
            scores[span.type].missed += 1
            scores[span.type].examples.append(f"missed: {_shown(text.text, span)}")
    return dict(scores)


def _shown(text: str, span: Span) -> str:
    before, after = text[max(0, span.start - 20) : span.start], text[span.end : span.end + 12]
    return f"{before!r} [{text[span.start : span.end][:80]}] {after!r}"
