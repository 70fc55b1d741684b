"""What `stagelm corpus inspect` prints: where documents went, what was dropped, and what was changed how."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.dropped_samples import SAMPLE_CHARACTERS
from flows.inspection import Inspection
from flows.report.console import open_console

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|\s+|.", re.DOTALL)
_EXCERPT = 300
"""Characters of a dropped document that are shown."""
_CONTEXT = 40
"""Characters of unchanged text shown to each side of a change."""


def print_inspection(inspection: Inspection, samples: int, page: Path | None = None) -> None:
    """Prints counts and samples.

    Args:
        inspection: what there is.
        samples: of each reason to drop and of each rule that repairs.
        page: an HTML file that gets the same.
    """
    console = open_console()
    console.record = page is not None
    console.print(Text(inspection.title, style="bold"), soft_wrap=True)
    console.print(counts_table(inspection))
    for rule, facts in inspection.prepared.items():
        shown = ", ".join(f"{name} {_figure(value)}" for name, value in facts.items())
        console.print(Text.assemble((rule, "bold"), f"  {shown}"), soft_wrap=True)
    _print_groups(console, "dropped", inspection.dropped, ("rule", "reason"), samples)
    _print_groups(console, "repaired", inspection.repaired, ("rule",), samples)
    if page is not None:
        console.save_html(str(page))


def counts_table(inspection: Inspection) -> Table:
    """A row a source and what happened: read and kept, then every reason with its count and share."""
    table = Table(box=None, pad_edge=False)
    table.add_column("source", no_wrap=True)
    for column in ("documents", "share"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what became of them", overflow="fold")
    for name, counts in inspection.counts.items():
        read = counts["read"]
        rows = [("kept", counts["kept"], "green")]
        for kind, style in (("dropped", "red"), ("repaired", "yellow"), ("tagged", "cyan")):
            rows += [(f"{kind} {what}", n, style) for what, n in Counter(counts[kind]).most_common()]
        table.add_row(Text(name, style="bold"), f"{read:,}", "", "read")
        for what, number, style in rows:
            table.add_row("", f"{number:,}", f"{number / read:.1%}" if read else "-", Text(what, style=style))
    return table


def _print_groups(
    console: Console, title: str, rows: Sequence[dict[str, Any]], by: tuple[str, ...], samples: int
) -> None:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault("/".join(row[key] for key in by), []).append(row)
    for name, members in sorted(groups.items()):
        shown = members[:samples]
        if not shown:
            continue
        console.print(Text(f"\n{title} {name}", style="bold"))
        for row in shown:
            console.print(Text(f"  {row['source']}  {row['origin']}", style="dim"), soft_wrap=True)
            body = changed(row["before"], row["after"]) if "before" in row else excerpt(row["text"])
            body.pad_left(4)
            console.print(body)


def excerpt(text: str) -> Text:
    """The beginning of a text in one line."""
    line = " ".join(text.split())
    return Text(line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]} …")


def changed(before: str, after: str) -> Text:
    """What was taken out and what was put in, with some of what stands around it.

    Marked by colour and, for files and for those who do not see it, as [-taken out-] and {+put in+}.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    shown = Text()
    for kind, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            shown.append(_around("".join(old[a:b]), first=a == 0, last=b == len(old)), style="dim")
            continue
        if b == len(old) and d == len(new) and max(len(before), len(after)) >= SAMPLE_CHARACTERS:
            shown.append(" …", style="dim")  # where the sample was cut, not where the texts differ
            break
        if b > a:
            shown.append(f"[-{_visible(''.join(old[a:b]))}-]", style="red")
        if d > c:
            shown.append(f"{{+{_visible(''.join(new[c:d]))}+}}", style="green")
    return shown


def _around(text: str, *, first: bool, last: bool) -> str:
    """Unchanged text, its middle left out where it is long."""
    visible = _visible(text)
    head = "" if first else visible[:_CONTEXT]
    tail = "" if last else visible[-_CONTEXT:]
    return visible if len(visible) <= 2 * _CONTEXT else f"{head} … {tail}"


def _visible(text: str) -> str:
    r"""Line ends as '⏎', other characters that are not printed as \x00."""
    return "".join(_visible_characters(text))


def _visible_characters(text: str) -> Iterator[str]:
    for character in text:
        if character == "\n":
            yield "⏎"
        elif character.isprintable():
            yield character
        else:
            yield character.encode("unicode_escape").decode()


def _figure(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
