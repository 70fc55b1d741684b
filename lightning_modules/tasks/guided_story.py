"""A story that keeps what is asked of it: words, a length, a sentiment.

What is asked stands in `details.constraints` of each example; the model reads the opening, generation does the rest.
"""

from lightning_modules.tasks.kind import TaskKind

GUIDED_STORY = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("constraints_kept", "keywords_kept", "length_kept", "sentiment_kept", "chrf", "perplexity"),
    baselines=("nearest", "copy_source"),
    needs=frozenset({"constraints"}),
)
