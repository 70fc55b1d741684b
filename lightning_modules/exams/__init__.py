"""What a pretrained network can do as it is: exams that need no fine-tuning.

Contract, materials and results are in `base.py`; an exam is one file and one line here.
"""

from typing import Annotated

from pydantic import Field

from lightning_modules.exams.attributions import Attributions
from lightning_modules.exams.base import Exam
from lightning_modules.exams.canaries import Canaries
from lightning_modules.exams.counterfactual import Counterfactual
from lightning_modules.exams.extraction import Extraction
from lightning_modules.exams.group_gaps import GroupGaps
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.exams.pseudo_perplexity import PseudoPerplexity
from lightning_modules.exams.stereotype_pairs import StereotypePairs

EXAMS: dict[str, type[Exam]] = {
    "attributions": Attributions,
    "canaries": Canaries,
    "counterfactual": Counterfactual,
    "extraction": Extraction,
    "group_gaps": GroupGaps,
    "minimal_pairs": MinimalPairs,
    "pseudo_perplexity": PseudoPerplexity,
    "stereotype_pairs": StereotypePairs,
}

ExamConfig = Annotated[
    Attributions
    | Canaries
    | Counterfactual
    | Extraction
    | GroupGaps
    | MinimalPairs
    | PseudoPerplexity
    | StereotypePairs,
    Field(discriminator="exam"),
]

__all__ = ["EXAMS", "Exam", "ExamConfig"]
