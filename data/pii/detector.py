"""What finds one type of personal data."""

import re
from collections.abc import Callable
from dataclasses import dataclass

# Digits with separators, as phone numbers, cards and ids are written: the cheap test before all of their patterns.
MANY_DIGITS = re.compile(r"[0-9](?:[ .()/-]{0,2}[0-9]){6}")


def digits_of(text: str) -> str:
    """The ASCII digits of the text."""
    return "".join(character for character in text if "0" <= character <= "9")


def always(_: str) -> bool:
    """For patterns that need no confirmation."""
    return True


@dataclass(frozen=True)
class Detector:
    r"""Replaces what `pattern` finds and `valid` confirms.

    Patterns use ASCII classes with look-around instead of `\b`: in Chinese a number stands right between characters,
    which count as letters there. They must run in linear time on any text.
    """

    name: str
    hint: re.Pattern[str] | tuple[str, ...]
    """What any text with this type holds (one of several parts): a cheap test that spares most texts the pattern."""
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] = always

    @property
    def placeholder(self) -> str:
        """What stands in the place of a match: '<EMAIL>'."""
        return f"<{self.name.upper()}>"

    def replace(self, text: str) -> tuple[str, int]:
        """Returns the text with placeholders, and how many."""
        if not self._may_hold(text):
            return text, 0
        count = 0

        def substitute(match: re.Match[str]) -> str:
            nonlocal count
            if not self.valid(match[0]):
                return match[0]
            count += 1
            return self.placeholder

        return self.pattern.sub(substitute, text), count

    def _may_hold(self, text: str) -> bool:
        if isinstance(self.hint, tuple):
            return any(part in text for part in self.hint)
        return self.hint.search(text) is not None
