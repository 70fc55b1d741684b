"""Any number of classes for a whole text: topics, aspects, emotions."""

from lightning_modules.tasks.kind import TaskKind

MULTI_LABEL = TaskKind(
    objective="multi_label",
    answers="classes",
    metrics=("labels_micro_f1", "labels_macro_f1", "subset_accuracy"),
    baselines=("labels_majority", "labels_tfidf"),
)
