"""`stagelm compare`: what differs between two runs, and whether it made a difference."""

from flows.commands import options


def compare(first: options.Run, second: options.Run) -> None:
    """Compare two runs: recipe keys, the stage where they part, scores with paired intervals."""
    from flows.plan import project_folder
    from flows.records import find_record
    from flows.report.comparison import compare_runs, print_comparison
    from flows.store import Store

    root = Store.default(project_folder()).root
    print_comparison(compare_runs(find_record(root, first), find_record(root, second), root))
