"""`stagelm generate`: lets a model write."""

import json
import sys
from itertools import chain
from typing import Annotated

import typer


def generate(
    prompt: Annotated[str, typer.Argument(help="The text to go on from, or what a user says, in any language.")],
    model: Annotated[
        str, typer.Option(help="A registered model, such as demo-base@champion or demo-headline@champion.")
    ] = "demo-base@champion",
    chat: Annotated[
        bool, typer.Option("--chat", help="Go on talking: each line of standard input is the next turn of the user.")
    ] = False,
) -> None:
    """Let a registered model answer a prompt."""
    from flows.plan import project_folder
    from flows.store import Store
    from flows.tracking.registry import model_folder
    from flows.tracking.settings import load_settings
    from lightning_modules.predictor import Predictor

    project = project_folder()
    settings = load_settings(project, Store.default(project).root)
    predictor = Predictor.load(model_folder(settings, model))
    if not chat:
        for row in predictor.predict([prompt]):
            for key, value in row.items():
                print(f"{key}: {value}" if len(row) > 1 else value)
        return
    if predictor.config.template != "chat":
        raise ValueError(
            f"--chat: {model} is no chat model; name one that a task 'dialogue' or 'instruction' has fine-tuned, or "
            "leave --chat out"
        )
    turns: list[str] = []
    for said in chain([prompt], map(str.strip, sys.stdin)):
        if said:
            [answer] = predictor.predict([json.dumps([*turns, said])])
            print(answer["text"], flush=True)
            turns += [said, answer["text"] or "\u2026"]
