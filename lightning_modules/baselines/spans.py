"""Baseline of tagging: what was tagged in training is tagged wherever it stands."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import ClassVar

from data.answers import TaggedSpan, read_tags, tags_text
from data.units import unit_spans
from lightning_modules.baselines.base import Baseline


class TrainingSpans(Baseline):
    """A dictionary of the training spans with their most frequent labels, the longest that fits first."""

    name: ClassVar[str] = "training_spans"

    def answers(self, train: Sequence[tuple[str, str]], inputs: Sequence[str]) -> list[str]:
        """Returns the spans found, of whole words or characters, without overlaps."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for text, answer in train:
            for start, end, label in read_tags(answer):
                counts[text[start:end]][label] += 1
        labels = {surface: min(own, key=lambda label: (-own[label], label)) for surface, own in counts.items()}
        longest = max((len(unit_spans(surface)) for surface in labels), default=0)
        return [tags_text(_found(text, labels, longest)) for text in inputs]


def _found(text: str, labels: dict[str, str], longest: int) -> list[TaggedSpan]:
    units, found, place = unit_spans(text), [], 0
    while place < len(units):
        start, taken = units[place][0], 1
        for count in range(min(longest, len(units) - place), 0, -1):
            end = units[place + count - 1][1]
            if text[start:end] in labels:
                found.append(TaggedSpan(start, end, labels[text[start:end]]))
                taken = count
                break
        place += taken
    return found
