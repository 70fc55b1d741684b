import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.networks.experts import (
    MixtureOfExperts,
    balance_loss,
    choose,
    dispatch,
    router_terms,
    z_loss,
)
from lightning_modules.networks.feed_forward import SwiGLU
from lightning_modules.networks.initialization import initialize

WIDTH = 16


def mixture(experts: int, **options: Any) -> MixtureOfExperts:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 24, "num_heads": 2}
    config = ModelChoice(preset="micro", experts=max(experts, 2), **sizes, **options).resolve(60, 16)
    built = MixtureOfExperts(config.model_copy(update={"experts": experts}))
    initialize(built, seed=1)
    built.gate.weight.data.mul_(30.0)  # decided
    return built.eval()


def states(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(seed))


def one_by_one(moe: MixtureOfExperts, x_D: Tensor) -> Tensor:
    """The definition: the outputs of the chosen experts of one position, weighed."""
    probability_E = F.linear(x_D, moe.gate.weight).softmax(-1)
    best = probability_E.topk(moe.config.experts_per_token)
    gates = best.values if len(best.values) == 1 else best.values / best.values.sum()
    mixed_D = torch.zeros(WIDTH)
    for gate, expert in zip(gates, best.indices.tolist(), strict=True):
        pre_gate, up = F.linear(x_D, moe.experts.gate_up_proj[expert]).chunk(2)
        mixed_D = mixed_D + gate * F.linear(F.silu(pre_gate) * up, moe.experts.down_proj[expert])
    return mixed_D


@pytest.mark.parametrize("per_token", [1, 2])
def test_every_position_gets_the_weighed_outputs_of_its_experts(per_token: int):
    moe, x_BTD = mixture(4, experts_per_token=per_token), states(2, 9)

    expected = torch.stack([one_by_one(moe, x_D) for x_D in x_BTD.flatten(0, 1)]).view_as(x_BTD)
    torch.testing.assert_close(moe(x_BTD), expected, rtol=0, atol=1e-6)


def test_one_expert_equals_the_dense_network():
    moe, dense, x_BTD = mixture(1), SwiGLU(mixture(1).config), states(2, 9)
    gate, up = moe.experts.gate_up_proj.data[0].chunk(2)
    dense.gate_proj.weight.data, dense.up_proj.weight.data = gate, up
    dense.down_proj.weight.data = moe.experts.down_proj.data[0]

    torch.testing.assert_close(moe(x_BTD), dense(x_BTD), rtol=0, atol=1e-6)


def test_a_dense_model_has_no_router_and_no_penalties():
    trunk = Trunk(ModelChoice(preset="micro").resolve(60, 16))

    assert isinstance(trunk.model.layers[0].mlp, SwiGLU)
    assert trunk.config.penalty_weights == {} == trunk.penalties()


def test_of_too_many_assignments_an_expert_takes_the_first():
    order_R, sizes_E = dispatch(tensor([1, 0, 1, 1, 2, 1]), experts=4, capacity=2)

    assert order_R.tolist() == [1, 0, 2, 4]
    assert sizes_E.tolist() == [1, 2, 1, 0]


@pytest.mark.parametrize(("factor", "capacity"), [(1.25, 4), (2.0, 6)])
def test_capacity_is_the_even_share_times_the_factor_rounded_up(factor: float, capacity: int):
    moe = mixture(4, capacity_factor=factor).train()

    assert moe._capacity(11) == capacity == math.ceil(11 / 4 * factor)


@pytest.mark.parametrize("per_token", [1, 2])
def test_routed_and_dropped_make_up_all_assignments_and_overflow_adds_nothing(per_token: int):
    moe = mixture(4, experts_per_token=per_token, capacity_factor=0.5, router_jitter=0.0)
    x_BTD = states(3, 8)
    _, expert_NK = choose(moe.gate(x_BTD.flatten(0, 1)).softmax(-1), per_token)
    given_E = torch.bincount(expert_NK.flatten(), minlength=4)

    out_BTD = moe.train()(x_BTD)

    assert moe.routing is not None
    assert moe.routing.assignments == 24 * per_token
    assert moe.routing.dropped == (given_E - 3 * per_token).clamp(min=0).sum() > 0
    if per_token == 1:
        assert (out_BTD == 0).all(-1).sum() == moe.routing.dropped


def test_no_position_is_displaced_by_a_later_one():
    moe = mixture(2, experts_per_token=1, capacity_factor=0.6, router_jitter=0.0).train()
    x_BTD, other_BTD = states(1, 12), states(1, 12)
    other_BTD[:, 6:] = states(1, 6, seed=5)

    before, after = moe(x_BTD), moe(other_BTD)

    assert moe.routing is not None and moe.routing.dropped > 0
    assert torch.equal(before[:, :6], after[:, :6])


@pytest.mark.parametrize("training", [False, True])
def test_padding_is_neither_sent_nor_counted(training: bool):
    moe, x_BTD = mixture(4, experts_per_token=2, router_jitter=0.0).train(training), states(2, 6)
    real_BT = tensor([[True, True, True, True, False, False], [True, True, True, False, False, False]])
    padded_BTD = moe(x_BTD, real_BT)
    with_padding = router_terms([moe])
    without_BTD = moe(x_BTD[real_BT][None])
    without = router_terms([moe])

    assert torch.equal(padded_BTD[real_BT], without_BTD[0])
    assert padded_BTD[~real_BT].eq(0).all()
    for name, term in with_padding.items():
        assert torch.equal(term.loss_sum, without[name].loss_sum)
        assert term.ratios == without[name].ratios


def test_nothing_but_padding_gives_zeros_not_nan():
    moe = mixture(4)

    assert moe(states(1, 3), torch.zeros(1, 3, dtype=torch.bool)).eq(0).all()
    assert [term.loss_sum.item() for term in router_terms([moe]).values()] == [0.0, 0.0]


@pytest.mark.parametrize("per_token", [1, 2])
def test_gradients_reach_the_router_through_the_gates_alone(per_token: int, monkeypatch: pytest.MonkeyPatch):
    moe, x_BTD = mixture(4, experts_per_token=per_token), states(2, 9)
    moe(x_BTD).sum().backward()
    assert moe.gate.weight.grad is not None and moe.gate.weight.grad.abs().max() > 1e-6

    def without_gradient(*arguments: Any) -> tuple[Tensor, Tensor]:
        gate_NK, expert_NK = choose(*arguments)
        return gate_NK.detach(), expert_NK

    moe.gate.weight.grad = None
    monkeypatch.setattr("lightning_modules.networks.experts.choose", without_gradient)
    moe(x_BTD).sum().backward()
    assert moe.gate.weight.grad is None


def test_two_gates_add_up_to_one_and_one_is_its_probability():
    probability_NE = tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])

    assert choose(probability_NE, 1)[0].tolist() == [[0.5], [pytest.approx(0.8)]]
    torch.testing.assert_close(choose(probability_NE, 2)[0].sum(1), torch.ones(2))
    assert choose(probability_NE, 2)[0][0].tolist() == pytest.approx([0.625, 0.375])


@pytest.mark.parametrize("per_token", [1, 2])
def test_balance_loss_of_even_routing_is_one(per_token: int):
    probability_NE = torch.full((8, 4), 0.25)
    expert_NK = torch.arange(8 * per_token).view(8, per_token) % 4

    assert balance_loss(probability_NE, expert_NK) == 1.0


def test_balance_loss_of_one_expert_for_all_is_their_number():
    assert balance_loss(F.one_hot(torch.zeros(5, dtype=torch.int64), 4).float(), torch.zeros(5, 1).long()) == 4.0


def test_balance_loss_equals_that_of_switch_transformers():
    switch = pytest.importorskip("transformers.models.switch_transformers.modeling_switch_transformers")
    probability_NE = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)).softmax(-1)
    expert_N = probability_NE.argmax(-1)

    theirs = switch.load_balancing_loss_func(probability_NE[None], expert_N[None])
    torch.testing.assert_close(balance_loss(probability_NE, expert_N[:, None]), theirs, rtol=0, atol=1e-6)


def test_z_loss_of_the_fixed_vector():
    assert z_loss(tensor([[0.0, 0.0], [1.0, 2.0]])).item() == pytest.approx(2.915817, abs=1e-6)


def test_jitter_acts_in_training_only_and_on_the_router_only():
    moe, x_ND = mixture(4, router_jitter=0.1), states(5)

    assert torch.equal(moe.gate(x_ND), moe.gate(x_ND))
    torch.manual_seed(0)
    ratio = moe.train().gate(torch.eye(WIDTH)) / moe.gate.weight.T
    assert 0.8999 <= ratio.min() < 0.95
    assert 1.05 < ratio.max() <= 1.1001
    assert torch.equal(moe.experts(x_ND, [5, 0, 0, 0]), moe.experts(x_ND, [5, 0, 0, 0]))


def test_the_router_decides_in_fp32_under_bf16():
    moe, x_BTD = mixture(4, experts_per_token=2), states(2, 9)
    exact = moe(x_BTD)
    with torch.autocast("cpu", torch.bfloat16):
        assert moe.gate(x_BTD.bfloat16()).dtype == torch.float32
        rough = moe(x_BTD)
    rough.sum().backward()

    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, rtol=0, atol=0.02)
    assert moe.experts.down_proj.grad is not None and moe.experts.down_proj.grad.dtype == torch.float32


def test_terms_are_sums_over_the_layers_and_are_given_once():
    trunk = Trunk(ModelChoice(preset="micro", experts=4, capacity_factor=None).resolve(60, 16), seed=1)
    ids_BT = torch.arange(32).view(2, 16)
    trunk.hidden(TokenBatch(ids_BT, torch.arange(16).expand(2, 16), Attention("causal"), seed=0))
    routings = [layer.mlp.routing for layer in trunk.model.layers]

    terms = trunk.penalties()

    assert terms.keys() == trunk.config.penalty_weights.keys()
    assert terms["router_balance"].count == terms["router_z"].count == 2
    assert terms["router_balance"].loss_sum == sum(routing.balance for routing in routings)
    assert terms["router_z"].loss_sum == sum(routing.z for routing in routings)
    assert terms["router_balance"].ratios["dropped_share"] == (0, 64)
    entropy, layers = terms["router_balance"].ratios["load_entropy"]
    assert 0 < entropy / layers <= math.log(4)
    assert trunk.penalties() == {}


def test_in_evaluation_a_text_is_read_the_same_whatever_is_beside_it():
    trunk = Trunk(ModelChoice(preset="micro", experts=4).resolve(60, 16), seed=1).eval()
    ids_BT = torch.arange(32).view(2, 16)
    positions_BT = torch.arange(16).expand(2, 16)
    together = trunk.hidden(TokenBatch(ids_BT, positions_BT, Attention("causal"), seed=0))
    alone = trunk.hidden(TokenBatch(ids_BT[1:], positions_BT[1:], Attention("causal"), seed=0))

    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-6)


def test_projections_into_the_residual_stream_start_smaller():
    weights = Trunk(ModelChoice(preset="micro", experts=4).resolve(60, 16)).state_dict()

    assert weights["model.layers.0.mlp.experts.gate_up_proj"].std() == pytest.approx(0.02, rel=0.05)
    assert weights["model.layers.0.mlp.experts.down_proj"].std() == pytest.approx(0.02 / 2, rel=0.05)
