"""`stagelm corpus`: what was done to the text."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options

app = typer.Typer(help="Look at what was done to the text.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def corpus() -> None:
    """Look at what was done to the text."""


@app.command("inspect")
def inspect(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE_OR_CORPUS", help="A shipped recipe's name, a path to a .yaml file, or a corpus's folder."
        ),
    ] = "demo",
    set_: options.Set = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule, such as quality.")] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Samples of each reason and of each repair.")] = 5,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Clean the first so many documents of every source instead; nothing is kept of it."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the same as a page, too.")] = None,
) -> None:
    """Show where the documents went, by source and rule, what was dropped, and repairs before and after."""
    from flows.inspection import inspect_built, inspect_sample
    from flows.report.cleaning import print_inspection

    given = options.overrides(set_)
    found = inspect_built(target, given) if sample is None else inspect_sample(target, given, sample)
    print_inspection(found.only(source, rule), n, html)
