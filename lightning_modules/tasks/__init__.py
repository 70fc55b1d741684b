"""What a pretrained network is adapted to, and the recipe's settings for it."""

from lightning_modules.tasks.classification import CLASSIFICATION
from lightning_modules.tasks.kind import TaskKind
from lightning_modules.tasks.summarization import SUMMARIZATION
from lightning_modules.tasks.translation import TRANSLATION

TASKS: dict[str, TaskKind] = {
    "classification": CLASSIFICATION,
    "summarization": SUMMARIZATION,
    "translation": TRANSLATION,
}

__all__ = ["TASKS", "TaskKind"]
