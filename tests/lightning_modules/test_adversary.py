"""Adversarial training: the perturbation by hand, and the step as the sum of two."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from data.batch import Attention, TokenBatch
from lightning_modules import train
from lightning_modules.adversary import Adversary, AdversaryConfig
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.spec import TrainSpec

pytestmark = pytest.mark.usefixtures("one_thread")
MakeSpec = Callable[..., TrainSpec]
CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
IDS = torch.tensor([[2, 40, 41], [2, 50, 51]])
BATCH = TokenBatch(IDS, torch.arange(3).expand(2, -1), Attention("causal"), seed=0)
PLAIN = {
    "optimizer": {"method": "sgd", "momentum": 0.0}, "peak_lr": 0.1, "clip_norm": 1e9,
    "schedule": {"shape": "linear", "warmup_fraction": 0.0, "final_fraction": 1.0},
}  # fmt: skip


def test_a_row_is_moved_along_its_gradient_by_epsilon_standard_deviations():
    trunk = Trunk(CONFIG)
    with torch.no_grad():
        trunk.vocabulary_VD.copy_(torch.cat((torch.ones(30, 64), -torch.ones(30, 64))) * 0.5)
    std = trunk.vocabulary_VD.std().item()
    read = torch.zeros(3, 2, 1, requires_grad=True)
    read.grad = torch.tensor([[[3.0], [4.0]], [[0.0], [1e-30]], [[0.0], [0.0]]])

    moved = Adversary(trunk, AdversaryConfig(epsilon=2.0)).perturbation(read)
    torch.testing.assert_close(moved[0], 2 * std * torch.tensor([[0.6], [0.8]]))
    torch.testing.assert_close(moved[1], 2 * std * torch.tensor([[0.0], [1.0]]), rtol=1e-3, atol=0)
    assert moved[2].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("frozen", [False, True])
def test_moving_raises_the_loss_more_than_moving_the_other_way(frozen: bool):
    trunk = Trunk(CONFIG).requires_grad_(not frozen)
    trunk.model.norm.weight.requires_grad_(True)
    adversary = Adversary(trunk, AdversaryConfig(epsilon=0.05))

    def loss() -> torch.Tensor:
        return trunk.project(trunk.hidden(BATCH)).logsumexp(-1).sum()

    with adversary.watching():
        before = loss()
        before.backward()
    with adversary.moving():
        after = loss()
    assert after > before
    assert loss() == before  # outside of both, nothing is moved


def test_a_step_is_that_of_both_losses_by_their_weights(make_spec: MakeSpec):
    """Of two SGD steps from the same weights, the one with the adversary is longer by its weight times its gradient."""

    def update(name: str, **changes: object) -> torch.Tensor:
        spec = make_spec(name, stage={**PLAIN, "objectives": {"causal_lm": {}}}, steps=1, **changes)
        first = parameters_to_vector(StageModule(spec).parameters())
        module = StageModule(spec)
        train.train(module, StageData(spec))
        return (parameters_to_vector(module.parameters()) - first).detach()

    plain = update("plain")
    once, twice = (update(f"w{weight}", adversary={"epsilon": 1.0, "weight": weight}) for weight in (1.0, 2.0))

    torch.testing.assert_close(twice - plain, 2 * (once - plain), rtol=1e-3, atol=1e-6)
    assert (once - plain).norm() > 0.5 * plain.norm()
    # A perturbation of almost nothing is the same loss once more.
    torch.testing.assert_close(update("tiny", adversary={"epsilon": 1e-6}), 2 * plain, rtol=1e-3, atol=1e-6)
