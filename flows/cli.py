"""The command line `stagelm`: only wires the commands, and turns errors that a user can mend into one line."""

import sys

import typer

from flows.commands import (
    compare,
    corpus,
    deploy,
    doctor,
    export,
    gc,
    generate,
    judge,
    plan,
    report,
    run,
    runs,
    tokenizer,
)

app = typer.Typer(
    name="stagelm",
    help="From a raw corpus to an evaluated, registered language model, with objectives declared stage by stage.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (run, plan, runs, compare, report, generate, export, deploy, gc, doctor):
    name = command.__name__.rpartition(".")[2]
    app.command(name)(getattr(command, name))
app.add_typer(corpus.app, name="corpus")
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(judge.app, name="judge")


def main() -> None:
    """Entry point: exit status 0, 1 for what failed, 2 for what was asked wrongly."""
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        if "--debug" in sys.argv:
            raise
        for line in str(error).splitlines() or [type(error).__name__]:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValueError) else 1)


if __name__ == "__main__":
    main()
