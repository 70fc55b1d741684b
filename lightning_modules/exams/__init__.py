"""What a pretrained network can do as it is: exams that need no fine-tuning.

Contract, materials and results are in `base.py`; an exam is one file and one line here.
"""

from typing import Annotated

from pydantic import Field

from lightning_modules.exams.base import Exam
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.exams.pseudo_perplexity import PseudoPerplexity

EXAMS: dict[str, type[Exam]] = {
    "minimal_pairs": MinimalPairs,
    "pseudo_perplexity": PseudoPerplexity,
}

ExamConfig = Annotated[MinimalPairs | PseudoPerplexity, Field(discriminator="exam")]

__all__ = ["EXAMS", "Exam", "ExamConfig"]
