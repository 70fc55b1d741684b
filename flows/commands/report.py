"""`stagelm report`: one page about one run."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options


def report(
    run: options.Run,
    output: Annotated[
        Path | None, typer.Option(help="Where to write the page; beside the run's record if not given.")
    ] = None,
) -> None:
    """Write a run's report: one self-contained HTML page."""
    from flows.plan import project_folder
    from flows.records import find_record
    from flows.report.page import render_report
    from flows.store import Store

    root = Store.default(project_folder()).root
    record = find_record(root, run)
    path = output or root / "runs" / f"{record.id}.html"
    path.write_text(render_report(record, root), encoding="utf-8")
    print(path)
