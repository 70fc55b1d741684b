"""`stagelm compare`: what differs between runs, whether it made a difference, and which examples turned."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options


def compare(
    first: options.Run,
    others: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="One run or more that are held against the first.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="Where to write the page; among the runs of the store if not given.")
    ] = None,
    fail_if_worse: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCORE",
            help="End with status 1 if this score is worse for certain, such as sentiment/accuracy or a whole set. "
            "Repeatable.",
        ),
    ] = None,
    log: Annotated[bool, typer.Option(help="Add table and page to the later runs in MLflow.")] = True,
) -> None:
    """Compare runs with the first: recipe keys, the stage where they part, tested scores, examples that turned."""
    from flows.comparing.runs import compare_runs
    from flows.comparing.verdict import worse_scores
    from flows.plan import project_folder
    from flows.records import find_record
    from flows.report.comparison import comparison_html, comparison_rows, page_name, print_comparison
    from flows.store import Store, write_atomically

    project = project_folder()
    root = Store.default(project).root
    comparison = compare_runs([find_record(root, name) for name in (first, *others)], root)
    worse = worse_scores(comparison, fail_if_worse or [])
    path = output or root / "runs" / page_name(comparison)
    write_atomically(path, comparison_html(comparison))
    print_comparison(comparison)
    print(path)
    if log:
        from flows.tracking.runs import EndedRun
        from flows.tracking.settings import load_settings

        settings = load_settings(project, root)
        for run in comparison.runs[1:]:
            if run.tracking_run is not None and run.id != comparison.runs[0].id:
                with EndedRun.open(settings, run.tracking_run) as ended:
                    ended.table(comparison_rows(comparison), f"compare-{comparison.runs[0].id}")
                    ended.artifact(path, "reports")
    if worse:
        raise RuntimeError("worse for certain: " + ", ".join(f"{delta.run}: {delta.place}" for delta in worse))
