"""The next reply in a conversation of several turns."""

from lightning_modules.tasks.kind import TaskKind

DIALOGUE = TaskKind(
    objective="chat",
    answers="text",
    metrics=("chrf", "perplexity", "bits_per_byte", "distinct_1", "distinct_2"),
    baselines=("nearest", "majority"),
)
