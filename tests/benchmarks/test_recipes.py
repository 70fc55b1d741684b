import math

import numpy as np
import pytest

from benchmarks.recipes import floors, unigram_entropy
from data.shards import Shards
from lightning_modules.stage import StageConfig

STAGE = StageConfig.model_validate(
    {
        "tokens": 1000,
        "peak_lr": 1e-3,
        "objectives": {
            "forward": {"objective": "causal_lm", "share": 0.4, "label_smoothing": 0.1},
            "replaced": {"objective": "replaced_token", "share": 0.2},
            "order": {"objective": "sentence_order", "share": 0.2},
            "thirds": {"objective": "sentence_order", "share": 0.2, "segments": 3},
        },
    }
)
METRICS = {
    "validation/forward/loss": 6.0,
    "validation/forward/nll": 4.9,
    "validation/replaced/loss": 0.3,
    "validation/replaced/base_rate_loss": 0.4,
    "validation/replaced/auc": 0.7,
    "validation/replaced/generator/loss": 5.5,
    "validation/order/loss": 0.6,
    "validation/order/accuracy": 0.61,
    "validation/thirds/loss": 1.7,
    "validation/thirds/accuracy": 0.2,
}


def test_each_objective_is_held_to_its_own_floor():
    found = {each.what: (each.seen, each.bound, each.beaten) for each in floors("a", STAGE, METRICS, unigram=5.0)}

    assert found == {
        "forward: nats a token": (4.9, 5.0, True),  # without what the smoothing adds
        "replaced: loss under H(p)": (0.3, 0.4, True),
        "replaced: AUC": (0.7, 0.75, False),
        "replaced: generator's loss": (5.5, 5.0, False),
        "order: accuracy": (0.61, 0.60, True),
    }


def test_unigram_entropy_is_that_of_the_frequencies():
    tokens = np.array([40, 40, 41, 42], dtype=np.uint16)
    shards = Shards(tokens, np.array([0, 4]), np.array([9]), vocab_size=64, tokenizer_sha256="")

    assert unigram_entropy(shards) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))
