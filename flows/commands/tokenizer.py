"""`stagelm tokenizer`: what another vocabulary would be worth."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def tokenizer() -> None:
    """Look at what another vocabulary would be worth."""


@app.command()
def compare(
    recipe: options.Recipe = "demo",
    set_: options.Set = None,
    vocab_sizes: Annotated[str, typer.Option(help="Pieces in all, parted by commas.")] = "2K,4K,8K,16K",
    algorithms: Annotated[str, typer.Option(help="unigram, bpe, or both, parted by a comma.")] = "unigram,bpe",
    plot: Annotated[
        Path | None, typer.Option(help="The PNG to write; tokenizers-RECIPE.png in the store if not given.")
    ] = None,
) -> None:
    """Train tokenizers on a recipe's corpus and measure fertility, bits per byte without a network, and speed."""
    from flows.plan import load_plan
    from flows.report.vocabularies import print_vocabularies, save_plot
    from flows.vocabularies import compare_vocabularies

    plan = load_plan(recipe, options.overrides(set_))
    measured = compare_vocabularies(plan, vocab_sizes.split(","), algorithms.split(","))
    print_vocabularies(measured)
    path = plot or plan.store.root / f"tokenizers-{plan.recipe.name}.png"
    save_plot(measured, path)
    print(path)
