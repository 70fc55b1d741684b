import math

import pytest
import torch

from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.shared_gradients import SharedGradients


@pytest.fixture
def trunk() -> Trunk:
    return Trunk(ModelChoice(preset="micro").resolve(vocab_size=50, sequence_length=32))


def add(trunk: Trunk, number: float) -> None:
    """Adds a gradient with `number` as its only entry that is not zero."""
    weight = trunk.model.layers[-1].mlp.down_proj.weight
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    weight.grad[0, 0] += number


def test_growth_is_credited_to_the_objective_of_the_micro_batch(trunk: Trunk):
    shared = SharedGradients(trunk)
    for objective, number in (("a", 3.0), ("b", -5.0), ("a", 1.0)):
        add(trunk, number)
        shared.enter(objective)

    assert shared.norms(scale=2.0) == {"a": 2.0, "b": 2.5}


def test_every_step_starts_anew(trunk: Trunk):
    shared = SharedGradients(trunk)
    for number in (3.0, 4.0):
        trunk.zero_grad()
        add(trunk, number)
        shared.enter("a")
        assert shared.norms(scale=1.0) == {"a": number}


def test_an_overflow_leaves_out_what_cannot_be_known(trunk: Trunk):
    shared = SharedGradients(trunk)
    for objective, number in (("a", 3.0), ("b", math.inf), ("c", 1.0)):
        add(trunk, number)
        shared.enter(objective)

    assert shared.norms(scale=1.0) == {"a": 3.0}


def test_a_frozen_last_layer_is_refused(trunk: Trunk):
    trunk.model.layers[-1].requires_grad_(False)

    with pytest.raises(ValueError, match=r"nothing in that layer is trained; train it, or choose another weighting"):
        SharedGradients(trunk)
