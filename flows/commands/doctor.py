"""`stagelm doctor`: is everything there that a run needs?"""

import typer


def doctor() -> None:
    """Check versions, store, MLflow, Prefect's scheduler and the accelerator; exit status 1 if something is wrong."""
    from flows.health import checks

    failed = 0
    for check in checks():
        failed += not check.good
        print(f"{'ok  ' if check.good else 'FAIL'}  {check.name}: {check.detail}")
    if failed:
        raise typer.Exit(1)
