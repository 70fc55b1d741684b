"""`stagelm run`: builds what is missing, and shows what came out."""

import signal
from typing import Annotated

import typer

from flows.commands import options


def run(
    recipe: options.Recipe = "demo",
    set_: options.Set = None,
    refresh: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STAGE", help="Build this stage even if it is there, such as weights/foundation. Repeatable."
        ),
    ] = None,
) -> None:
    """Run a recipe: every stage that is not there yet is built, the others are reused."""
    from flows.plan import load_plan
    from flows.reuse import reused_run

    # By default SIGTERM, which whoever stops a service or a job sends, leaves Prefect's server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = load_plan(recipe, options.overrides(set_))
    plan.select(refresh or [])
    if not refresh and reused_run(plan):
        return
    from flows.embedded import quiet_prefect

    quiet_prefect()
    from flows.pipeline import pipeline

    pipeline(recipe, plan.overrides, refresh)
