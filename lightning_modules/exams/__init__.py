"""What a pretrained network can do as it is: exams that need no fine-tuning.

Contract, materials and results are in `base.py`; an exam is one file and one line here.
"""

from typing import Annotated

from pydantic import Field

from lightning_modules.exams.base import Exam
from lightning_modules.exams.key_value_recall import KeyValueRecall
from lightning_modules.exams.length_doubling import LengthDoubling
from lightning_modules.exams.loss_by_position import LossByPosition
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.exams.prompting import Prompting
from lightning_modules.exams.pseudo_perplexity import PseudoPerplexity
from lightning_modules.exams.unconditional_samples import UnconditionalSamples

EXAMS: dict[str, type[Exam]] = {
    "key_value_recall": KeyValueRecall,
    "length_doubling": LengthDoubling,
    "loss_by_position": LossByPosition,
    "minimal_pairs": MinimalPairs,
    "prompting": Prompting,
    "pseudo_perplexity": PseudoPerplexity,
    "unconditional_samples": UnconditionalSamples,
}

ExamConfig = Annotated[
    KeyValueRecall
    | LengthDoubling
    | LossByPosition
    | MinimalPairs
    | Prompting
    | PseudoPerplexity
    | UnconditionalSamples,
    Field(discriminator="exam"),
]

__all__ = ["EXAMS", "Exam", "ExamConfig"]
