"""The same text in another language; chrF leads, because BLEU says little about short strings and weak systems."""

from lightning_modules.tasks.kind import TaskKind

TRANSLATION = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("chrf", "bleu", "ter", "bits_per_byte"),
    baselines=("copy_source",),
)
