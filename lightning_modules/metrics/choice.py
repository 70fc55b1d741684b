"""How often the right one of several candidates is found best, where a model ranks what it is given.

A tie between n best candidates counts as the 1/n that guessing among them would give: a model that finds all alike is
at chance exactly, neither right nor wrong. A published pipeline once let ties count as right.

Shapes: N examples.
"""

import json
from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs


class ChoiceAccuracy(Metric):
    """Share of right choices; a prediction is the JSON list of the candidates found best, mostly one."""

    name: ClassVar[str] = "choice_accuracy"
    signature = "choice_accuracy|ties:shared|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): the credit, and 1."""
        best = [json.loads(prediction) for prediction in outputs.predictions]
        credit_N = [
            sum(name in references for name in names) / len(names)
            for names, references in zip(best, outputs.references, strict=True)
        ]
        return np.stack([np.array(credit_N, dtype=np.float64), np.ones(len(best))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


def best_of(scores: dict[str, float]) -> str:
    """Returns the candidates of the highest score as `ChoiceAccuracy` reads them."""
    highest = max(scores.values())
    return json.dumps([name for name, score in sorted(scores.items()) if score == highest], ensure_ascii=False)
