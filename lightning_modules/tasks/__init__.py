"""What a pretrained network is adapted to, and the recipe's settings for it."""

from lightning_modules.tasks.classification import CLASSIFICATION
from lightning_modules.tasks.extractive_qa import EXTRACTIVE_QA
from lightning_modules.tasks.kind import TaskKind
from lightning_modules.tasks.multi_label import MULTI_LABEL
from lightning_modules.tasks.retrieval import RETRIEVAL
from lightning_modules.tasks.summarization import SUMMARIZATION
from lightning_modules.tasks.tagging import TAGGING
from lightning_modules.tasks.translation import TRANSLATION

TASKS: dict[str, TaskKind] = {
    "classification": CLASSIFICATION,
    "extractive_qa": EXTRACTIVE_QA,
    "multi_label": MULTI_LABEL,
    "retrieval": RETRIEVAL,
    "summarization": SUMMARIZATION,
    "tagging": TAGGING,
    "translation": TRANSLATION,
}

__all__ = ["TASKS", "TaskKind"]
