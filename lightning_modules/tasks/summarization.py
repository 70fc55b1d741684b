"""A short text that says what a long one is about: headlines, abstracts."""

from lightning_modules.tasks.kind import TaskKind

SUMMARIZATION = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("rouge1", "rouge2", "rouge_l", "meteor_exact_stem", "repetition", "bits_per_byte"),
    baselines=("lead_sentence", "lead_words"),
)
