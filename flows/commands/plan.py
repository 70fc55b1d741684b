"""`stagelm plan`: what a run would do, and touches nothing."""

from flows.commands import options


def plan(recipe: options.Recipe = "demo", set_: options.Set = None) -> None:
    """Show for every stage whether it is there and, if not, which key changed; and what the run will cost."""
    from flows.plan import load_plan
    from flows.report.plan import print_plan

    print_plan(load_plan(recipe, options.overrides(set_)))
