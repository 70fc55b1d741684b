"""What finds one type of personal data."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data.pii.trace import Trace

# Beside a placeholder nothing more is found: what ran into its neighbour there was not taken before either, so that
# replacing a second time changes nothing.
_PLACEHOLDER = re.compile(r"<[A-Z_]{4,20}>")
_LONGEST_PLACEHOLDER = 22


def digits_of(text: str) -> str:
    """The ASCII digits of the text."""
    return "".join(character for character in text if "0" <= character <= "9")


def follows(match: re.Match[str], label: re.Pattern[str]) -> bool:
    r"""Whether the label, which ends with `\Z`, stands right before the match."""
    start = match.start("value")
    return label.search(match.string, max(0, start - 60), start) is not None


def in_address_line(match: re.Match[str]) -> bool:
    """Whether the match is part of a link."""
    return follows(match, _LINK)


_LINK = re.compile(r"(?:://|www\.)[!-;=?-~]{0,58}\Z")


def always(_: re.Match[str]) -> bool:
    """For patterns that need no confirmation."""
    return True


@dataclass(frozen=True)
class Detector:
    r"""Finds what `pattern` matches and `valid` confirms; the find is the group `value`.

    Texts come with ASCII in place of full-width characters, so patterns use ASCII classes; they use look-around instead
    of `\b`, since in Chinese a number stands right between characters, which count as letters there. They must run in
    linear time on any text. Look-around must not see beyond what may be replaced next to it (see `_PLACEHOLDER`).
    """

    name: str
    traces: tuple[Trace, ...]
    """Any text with this type shows one of them."""
    pattern: re.Pattern[str]
    valid: Callable[[re.Match[str]], bool] = always

    @property
    def placeholder(self) -> str:
        """What stands in the place of a find: '<EMAIL>'."""
        return f"<{self.name.upper()}>"

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields start and end of every find."""
        start = 0
        while (match := self.pattern.search(text, start)) is not None:
            if self.valid(match) and not _beside_placeholder(text, *match.span("value")):
                yield match.span("value")
                start = match.end()
            else:
                start = match.start() + 1


def _beside_placeholder(text: str, start: int, end: int) -> bool:
    if text.startswith("<", end) and _PLACEHOLDER.match(text, end):
        return True
    before = text[max(0, start - _LONGEST_PLACEHOLDER) : start]
    return before.endswith(">") and _PLACEHOLDER.fullmatch(before, before.rfind("<")) is not None
