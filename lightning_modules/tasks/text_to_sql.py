"""Questions to a database as SQL; what counts is what a query gives, not how it is written."""

from lightning_modules.tasks.kind import TaskKind

TEXT_TO_SQL = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("execution_accuracy", "chrf", "bits_per_byte"),
    baselines=("nearest",),
    needs=frozenset({"schema"}),
)
