"""`stagelm generate`: lets a model write."""

from typing import Annotated

import typer


def generate(
    prompt: Annotated[str, typer.Argument(help="The text to go on from, in any language.")],
    model: Annotated[
        str, typer.Option(help="A registered model, such as demo-base@champion or demo-headline@champion.")
    ] = "demo-base@champion",
) -> None:
    """Let a registered model answer a prompt."""
    from flows.plan import project_folder
    from flows.store import Store
    from flows.tracking.registry import model_folder
    from flows.tracking.settings import load_settings
    from lightning_modules.predictor import Predictor

    project = project_folder()
    settings = load_settings(project, Store.default(project).root)
    for row in Predictor.load(model_folder(settings, model)).predict([prompt]):
        for key, value in row.items():
            print(f"{key}: {value}" if len(row) > 1 else value)
