"""Questions answered in words of the model's own, from a text given with them or from memory."""

from lightning_modules.tasks.kind import TaskKind

GENERATIVE_QA = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("answer_f1", "answer_exact_match", "bits_per_byte"),
    baselines=("nearest", "majority"),
)
