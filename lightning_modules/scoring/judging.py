"""A fine-tuned classifier that tells the sentiment of answers."""

from __future__ import annotations

from collections.abc import Sequence

from data.tokenizer import Tokenizer
from lightning_modules.generation import Judge
from lightning_modules.predictor import Predictor, PredictorConfig
from lightning_modules.scoring.spec import EvaluateSpec
from lightning_modules.scoring.systems import open_classifier, open_system

_COLUMN = "probability."


def open_judge(spec: EvaluateSpec) -> Judge | None:
    """Returns the judge of a spec; None where it names none.

    Raises:
        ValueError: its weights hold no classifier, or it reads other tokens.
    """
    if (ref := spec.judge) is None:
        return None
    tokenizer = Tokenizer.load(spec.tokenizer)
    trunk = open_system(ref, spec.hardware, tokenizer.sha256)
    config = PredictorConfig(answers="class", labels=ref.labels, sequence_length=ref.sequence_length)
    predictor = Predictor(config, trunk, tokenizer, open_classifier(ref.weights, trunk))

    def judge(texts: Sequence[str]) -> list[dict[str, float]]:
        return [
            {name.removeprefix(_COLUMN): share for name, share in row.items() if name.startswith(_COLUMN)}
            for row in predictor.predict(texts)
        ]

    return judge
