"""The documents that answer a query, found among many."""

from lightning_modules.tasks.kind import TaskKind

RETRIEVAL = TaskKind(
    objective="retrieval",
    answers="ranking",
    metrics=("mrr", "recall_at_1", "recall_at_5", "recall_at_10"),
    baselines=("bm25",),
)
