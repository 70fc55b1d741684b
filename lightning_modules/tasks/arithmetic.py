"""Sums and small word problems with one number for an answer."""

from lightning_modules.tasks.kind import TaskKind

ARITHMETIC = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("exact_number", "bits_per_byte"),
    baselines=("majority", "nearest"),
)
