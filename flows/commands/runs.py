"""`stagelm runs`: what has been run."""

from typing import Annotated

import typer


def runs(limit: Annotated[int, typer.Option(help="Show the latest so many.")] = 20) -> None:
    """List the runs, latest first."""
    from flows.plan import project_folder
    from flows.records import all_records
    from flows.report import live
    from flows.store import Store

    live.run_list(all_records(Store.default(project_folder()).root)[:limit])
