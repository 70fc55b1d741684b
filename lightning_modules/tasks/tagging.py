"""Stretches of a text with a label each: people and places, products, symptoms."""

from lightning_modules.tasks.kind import TaskKind

TAGGING = TaskKind(
    objective="tagging",
    answers="tags",
    metrics=("span_f1", "span_precision", "span_recall"),
    baselines=("training_spans",),
)
