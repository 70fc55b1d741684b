"""What an instruction asks for: the reply alone is trained on, its end included."""

from lightning_modules.tasks.kind import TaskKind

INSTRUCTION = TaskKind(
    objective="chat",
    answers="text",
    metrics=("rouge_l", "chrf", "perplexity", "bits_per_byte"),
    baselines=("nearest", "majority"),
)
