"""Questions about a text, answered in its own words."""

from lightning_modules.tasks.kind import TaskKind

EXTRACTIVE_QA = TaskKind(
    objective="span",
    answers="span",
    metrics=("answer_f1", "answer_exact_match"),
    baselines=("nearest_sentence",),
)
