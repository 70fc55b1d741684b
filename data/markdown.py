"""Tables for the cards that people read."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """Returns the text in one line: names come from people, and a bar or a line break in one must not end its cell."""
    return " ".join(text.replace("|", "\\|").split())
