"""`stagelm export`: a model as other libraries read it."""

from pathlib import Path
from typing import Annotated

import typer

from lightning_modules.export import TARGETS


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A registered model, such as demo-base@champion, or a run's id, its beginning, or a recipe's name for "
            "its latest run.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="The folder to write.")],
    target: Annotated[str, typer.Option(help=f"What to write: {', '.join(TARGETS)}.")] = "llama",
    stage: Annotated[
        str | None,
        typer.Option(help="Of a run, such as finetuned/sentiment; the last stage of pretraining if not given."),
    ] = None,
) -> None:
    """Write a model as a folder that transformers opens: weights, configuration and tokenizer."""
    from flows.exporting import model_source
    from lightning_modules.export.writing import export as write

    write(model_source(model, stage), target, output)
    print(output)
