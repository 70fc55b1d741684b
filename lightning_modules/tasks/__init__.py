"""What a pretrained network is adapted to, and the recipe's settings for it."""

from lightning_modules.tasks.arithmetic import ARITHMETIC
from lightning_modules.tasks.classification import CLASSIFICATION
from lightning_modules.tasks.code import CODE
from lightning_modules.tasks.dialogue import DIALOGUE
from lightning_modules.tasks.extractive_qa import EXTRACTIVE_QA
from lightning_modules.tasks.generative_qa import GENERATIVE_QA
from lightning_modules.tasks.guided_story import GUIDED_STORY
from lightning_modules.tasks.instruction import INSTRUCTION
from lightning_modules.tasks.kind import TaskKind
from lightning_modules.tasks.multi_label import MULTI_LABEL
from lightning_modules.tasks.retrieval import RETRIEVAL
from lightning_modules.tasks.story import STORY
from lightning_modules.tasks.summarization import SUMMARIZATION
from lightning_modules.tasks.tagging import TAGGING
from lightning_modules.tasks.text_to_sql import TEXT_TO_SQL
from lightning_modules.tasks.translation import TRANSLATION

TASKS: dict[str, TaskKind] = {
    "arithmetic": ARITHMETIC,
    "classification": CLASSIFICATION,
    "code": CODE,
    "dialogue": DIALOGUE,
    "extractive_qa": EXTRACTIVE_QA,
    "generative_qa": GENERATIVE_QA,
    "guided_story": GUIDED_STORY,
    "instruction": INSTRUCTION,
    "multi_label": MULTI_LABEL,
    "retrieval": RETRIEVAL,
    "story": STORY,
    "summarization": SUMMARIZATION,
    "tagging": TAGGING,
    "text_to_sql": TEXT_TO_SQL,
    "translation": TRANSLATION,
}

__all__ = ["TASKS", "TaskKind"]
