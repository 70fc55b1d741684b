"""How a story goes on from its opening.

chrF to one continuation of many says little; it leads because baselines have it too. Likelihood is what to watch.
"""

from lightning_modules.tasks.kind import TaskKind

STORY = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("chrf", "perplexity", "bits_per_byte", "distinct_2", "repetition"),
    baselines=("nearest", "copy_source"),
)
