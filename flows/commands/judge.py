"""`stagelm judge`: people judge what the systems wrote, without knowing which wrote it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Let people judge what systems wrote.", no_args_is_help=True, rich_markup_mode=None)

Sheet = Annotated[
    str, typer.Argument(metavar="SHEET", help="A sheet's id as `stagelm judge sheet` prints it, or its beginning.")
]
Rater = Annotated[str, typer.Option(help="Who answers: letters and digits of any language, '_' and '-'.")]


class Asked(StrEnum):
    """What `--ask` takes."""

    both = "both"
    pairs = "pairs"
    ratings = "ratings"


class Language(StrEnum):
    """What `--language` takes."""

    en = "en"
    zh = "zh"


@app.callback()
def judge() -> None:
    """Let people judge what systems wrote, without knowing which wrote it."""


@app.command()
def sheet(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Runs' ids, their beginnings, or recipes' names. With several, all systems of each."
        ),
    ],
    task: Annotated[str, typer.Option(help="A scored task of the recipe whose systems write text, such as headline.")],
    systems: Annotated[
        str,
        typer.Option(help="As the table of scores names them, parted by commas; 'reference' is the right answers."),
    ] = "pretrained,scratch",
    items: Annotated[int, typer.Option(min=1, help="Test examples to judge.")] = 20,
    ask: Annotated[Asked, typer.Option(help="Which of two texts is better, ratings of each text, or both.")] = (
        Asked.both
    ),
    show_reference: Annotated[
        bool, typer.Option("--show-reference", help="Show raters the right answer, too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the examples, the order and the sides.")] = 17,
) -> None:
    """Draw a sheet of questions from what one or several runs wrote. The same options give the same sheet."""
    from flows.judging.drawing import draw_sheet
    from flows.judging.sheet import KINDS
    from flows.plan import project_folder
    from flows.records import find_record
    from flows.store import Store

    root = Store.default(project_folder()).root
    drawn = draw_sheet(
        [find_record(root, run) for run in runs],
        root,
        task,
        [system.strip() for system in systems.split(",")],
        items=items,
        kinds=[kind for kind in KINDS if ask in {Asked.both, f"{kind}s"}],
        shows_references=show_reference,
        seed=seed,
    )
    drawn.save(root)
    print(f"{drawn.id}: {len(drawn.items)} items, {len(drawn.questions)} questions")
    print(f"next   stagelm judge serve {drawn.id} --rater NAME")


@app.command()
def serve(
    sheet: Sheet,
    rater: Rater,
    language: Annotated[Language, typer.Option(help="Of the page.")] = Language.en,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
) -> None:
    """Serve one rater's page, on this machine only, until Ctrl-C; it goes on where the rater stopped."""
    from flows.judging.journal import Journal
    from flows.judging.server import serve as serve_page
    from flows.judging.sheet import find_sheet
    from flows.plan import project_folder
    from flows.store import Store

    found, folder = find_sheet(Store.default(project_folder()).root, sheet)
    with Journal.writing(found, folder, rater) as journal:
        serve_page(journal, rater, language, port, lambda address: print(f"open   {address}", flush=True))


@app.command()
def export(sheet: Sheet, output: Annotated[Path, typer.Option(help="The CSV file to write.")]) -> None:
    """Write a sheet as a CSV file to fill in without the page; it does not hold the systems' names."""
    from flows.judging.sheet import find_sheet
    from flows.judging.table import export_table
    from flows.plan import project_folder
    from flows.store import Store

    found, _ = find_sheet(Store.default(project_folder()).root, sheet)
    export_table(found, output)
    print(output)


@app.command("import")
def import_(sheet: Sheet, file: Annotated[Path, typer.Argument(help="The CSV file, filled in.")], rater: Rater) -> None:
    """Add the answers of a filled-in CSV file to a rater's."""
    from flows.judging.journal import Journal
    from flows.judging.sheet import find_sheet
    from flows.judging.table import import_table
    from flows.plan import project_folder
    from flows.store import Store

    found, folder = find_sheet(Store.default(project_folder()).root, sheet)
    with Journal.writing(found, folder, rater) as journal:
        new = import_table(journal, file)
        print(f"{new} new answers; {len(journal.answers)} of {len(found.questions)} questions are answered")


@app.command()
def results(sheet: Sheet) -> None:
    """Show agreement, preferences with intervals and mean ratings; write them as a page and to MLflow."""
    from flows.judging.journal import read_journals
    from flows.judging.recording import PAGE, record_results
    from flows.judging.results import results as work_out
    from flows.judging.sheet import find_sheet
    from flows.plan import project_folder
    from flows.report.judged import print_judged
    from flows.store import Store
    from flows.tracking.settings import load_settings

    project = project_folder()
    root = Store.default(project).root
    found, folder = find_sheet(root, sheet)
    judged = work_out(found, read_journals(found, folder))
    print_judged(judged)
    record_results(judged, folder, load_settings(project, root))
    print(folder / PAGE)
