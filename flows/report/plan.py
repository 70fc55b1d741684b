"""What `stagelm plan` prints: hit or miss for each stage with the key that changed, and what the run will cost."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from flows.changes import changes
from flows.estimates import disk_bytes, memory_bytes, stage_estimates
from flows.plan import Plan
from flows.report.console import duration, open_console, print_header


def print_plan(plan: Plan) -> None:
    """Prints the plan; builds, downloads and writes nothing."""
    console = open_console()
    derived = plan.derived()
    print_header(
        console,
        {
            "recipe": f"{plan.recipe.name}, seed {plan.recipe.seed}",
            "network": f"{derived['parameters']:,} parameters ({derived['parameters_trunk']:,} without embeddings)",
            "batch": derived["batch"],
            "store": str(plan.store.root),
        },
    )
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "", "why"):
        table.add_column(column, overflow="fold")
    missing = set()
    for stage in plan.stages.values():
        asks = "; ".join(map(str, plan.recipe.pretraining.stages[stage.name].gate)) if stage.kind == "gate" else ""
        if plan.found(stage.label) is not None:
            table.add_row(Text(stage.label), "hit", Text(asks))
            continue
        missing.add(stage.label)
        differences = changes(plan.store, stage.key)
        why = "not built yet" if differences is None else "; ".join(differences)
        shown = f"{asks} | {why}" if asks else why
        table.add_row(Text(stage.label), Text("miss", style="bold"), Text(shown))
    console.print(table)
    costs = Table(box=None, pad_edge=False)
    for column in ("pretraining", "tokens", "FLOPs", "time", "energy", "by"):
        costs.add_column(column, justify="left" if column in {"pretraining", "by"} else "right")
    seconds = 0.0
    for name, estimate in stage_estimates(plan).items():
        tokens = plan.tokens(plan.recipe.pretraining.stages[name])
        kwh = estimate.seconds * plan.tracking.energy.watts_per_core * plan.hardware.threads / 3.6e6
        costs.add_row(
            name,
            f"{tokens:,}",
            f"{estimate.flops:.2e}",
            duration(estimate.seconds),
            f"{kwh * 1000:.1f} Wh",
            estimate.basis,
        )
        seconds += estimate.seconds if f"weights/{name}" in missing else 0.0
    console.print(costs)
    print_header(
        console,
        {
            "to do": f"{len(missing)} of {len(plan.stages)} stages; pretraining about {duration(seconds)}",
            "memory": f"about {memory_bytes(plan) / 1e9:.2f} GB for training, beside the libraries",
            "disk": f"about {disk_bytes(plan) / 1e6:.0f} MB of weights, beside corpus and tokens",
        },
    )
