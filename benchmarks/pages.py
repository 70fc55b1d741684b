"""What a measurement leaves in `docs/results`: figures between two marks of a page whose other text people write."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

RESULTS = Path(__file__).parents[1] / "docs" / "results"


def fill(page: Path, section: str, text: str) -> None:
    """Replaces what stands between `<!-- section -->` and `<!-- /section -->`.

    Raises:
        ValueError: the page has no such marks.
    """
    opening, closing = f"<!-- {section} -->", f"<!-- /{section} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(opening)
    _, closed, after = rest.partition(closing)
    if not (found and closed):
        raise ValueError(f"{page}: put the marks {opening} and {closing} around the place of the figures")
    page.write_text(f"{before}{opening}\n\n{text.strip()}\n\n{closing}{after}", encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table; columns after the first are right-aligned."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def setting(threads: int) -> str:
    """Returns in one sentence what the figures were taken with."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"Measured on {datetime.date.today()}: {_processor()}, {threads} thread{'s' if threads > 1 else ''}, {device}; "
        f"torch {torch.__version__}, Python {platform.python_version()}."
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", facts.read_text(), re.MULTILINE) if facts.exists() else None
    return named[1] if named else platform.machine()
