"""Arguments that several commands share."""

from typing import Annotated, Any

import typer

Recipe = Annotated[
    str, typer.Argument(help="A shipped recipe's name (demo, smoke, showcase) or a path to a .yaml file.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe, by its dotted key. Repeatable."),
]
Run = Annotated[
    str,
    typer.Argument(help="A run's id as `stagelm runs` shows it, its beginning, or a recipe's name for its latest run."),
]


def overrides(given: list[str] | None) -> dict[str, Any]:
    """The `--set` options as a mapping."""
    from flows.recipe import parse_override

    return dict(parse_override(text) for text in given or [])
