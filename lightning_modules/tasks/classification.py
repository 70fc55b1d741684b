"""One class for a whole text: sentiment, topic, acceptability."""

from lightning_modules.tasks.kind import TaskKind

CLASSIFICATION = TaskKind(
    objective="classification",
    answers="class",
    metrics=("accuracy", "macro_f1", "micro_f1", "weighted_f1", "precision", "recall", "ece"),
    baselines=("majority", "tfidf"),
)
