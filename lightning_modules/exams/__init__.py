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
from lightning_modules.exams.key_value_recall import KeyValueRecall
from lightning_modules.exams.length_doubling import LengthDoubling
from lightning_modules.exams.loss_by_position import LossByPosition
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.exams.prompting import Prompting
from lightning_modules.exams.pseudo_perplexity import PseudoPerplexity
from lightning_modules.exams.stereotype_pairs import StereotypePairs
from lightning_modules.exams.unconditional_samples import UnconditionalSamples

EXAMS: dict[str, type[Exam]] = {
    "attributions": Attributions,
    "canaries": Canaries,
    "counterfactual": Counterfactual,
    "extraction": Extraction,
    "group_gaps": GroupGaps,
    "key_value_recall": KeyValueRecall,
    "length_doubling": LengthDoubling,
    "loss_by_position": LossByPosition,
    "minimal_pairs": MinimalPairs,
    "prompting": Prompting,
    "pseudo_perplexity": PseudoPerplexity,
    "stereotype_pairs": StereotypePairs,
    "unconditional_samples": UnconditionalSamples,
}

ExamConfig = Annotated[
    Attributions
    | Canaries
    | Counterfactual
    | Extraction
    | GroupGaps
    | KeyValueRecall
    | LengthDoubling
    | LossByPosition
    | MinimalPairs
    | Prompting
    | PseudoPerplexity
    | StereotypePairs
    | UnconditionalSamples,
    Field(discriminator="exam"),
]

__all__ = ["EXAMS", "Exam", "ExamConfig"]
