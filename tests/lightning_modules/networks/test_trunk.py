from dataclasses import replace

import pytest
import torch
from torch import Tensor, tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import ModelChoice, Trunk

CONFIG = ModelChoice(preset="micro", num_kv_heads=1).resolve(vocab_size=50, sequence_length=32)
PREFIX = 2
"""Positions of each sample that all of it sees, in mode `prefix`."""


@pytest.fixture
def trunk() -> Trunk:
    return Trunk(CONFIG, seed=3)


@pytest.fixture
def spanning() -> Trunk:
    """The same trunk with a table of places in spans."""
    return Trunk(CONFIG.model_copy(update={"span_positions": 12}), seed=3)


def one_sample(ids: list[int], mode: str = "causal") -> TokenBatch:
    return TokenBatch(tensor([ids]), torch.arange(len(ids)).unsqueeze(0), Attention(mode), seed=0)


def packed(samples: list[list[int]], padding: int, mode: str) -> TokenBatch:
    ids = [token for sample in samples for token in sample] + [0] * padding
    positions = [place for sample in samples for place in range(len(sample))] + [0] * padding
    sample_ids = [number for number, sample in enumerate(samples) for _ in sample] + [-1] * padding
    in_prefix = [place < PREFIX for sample in samples for place in range(len(sample))] + [False] * padding
    attention = Attention(mode, tensor([sample_ids]), tensor([in_prefix]) if mode == "prefix" else None)
    return TokenBatch(tensor([ids]), tensor([positions]), attention, seed=0)


def logits(trunk: Trunk, batch: TokenBatch) -> Tensor:
    return trunk.project(trunk.hidden(batch))[0]


@pytest.mark.parametrize("changed", [2, 3, 4])
@pytest.mark.parametrize("packs", [False, True])
def test_a_token_never_reaches_the_causal_logits_before_it(trunk: Trunk, changed: int, packs: bool):
    ids = [2, 7, 8, 9, 10]
    samples = [ids, [*ids[:changed], 40, *ids[changed + 1 :]]]
    before, after = (
        logits(trunk, packed([sample, [2, 30]], padding=1, mode="causal") if packs else one_sample(sample))
        for sample in samples
    )

    assert torch.equal(before[:changed], after[:changed])
    assert all(not torch.equal(before[place], after[place]) for place in range(changed, 5))


def test_a_token_behind_the_prefix_reaches_neither_the_prefix_nor_what_is_before_it(trunk: Trunk):
    before, after = (logits(trunk, packed([[2, 7, 8, token, 9]], padding=0, mode="prefix")) for token in (30, 40))

    assert torch.equal(before[:3], after[:3])
    assert not torch.equal(before[3], after[3]) and not torch.equal(before[4], after[4])


def test_a_token_of_the_prefix_reaches_all_of_its_sample(trunk: Trunk):
    before, after = (logits(trunk, packed([[2, token, 8, 9]], padding=0, mode="prefix")) for token in (30, 40))

    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_full_attention_lets_the_first_state_see_the_last_token(trunk: Trunk):
    before, after = (trunk.hidden(one_sample([2, 7, 8, last], mode="full")) for last in (9, 40))

    assert not torch.allclose(before[:, 0], after[:, 0])


@pytest.mark.parametrize("mode", ["causal", "full", "prefix"])
def test_packed_samples_equal_the_same_samples_alone_and_padding_changes_nothing(trunk: Trunk, mode: str):
    samples = [[2, 7, 8, 9], [2, 30, 31], [2, 5]]
    together = trunk.hidden(packed(samples, padding=3, mode=mode))

    alone = torch.cat([trunk.hidden(packed([sample], padding=0, mode=mode)) for sample in samples], dim=1)
    torch.testing.assert_close(together[:, :9], alone, rtol=0, atol=1e-5)
    assert together.isfinite().all()


@pytest.mark.parametrize("changed", [0, 2])
@pytest.mark.parametrize("mode", ["causal", "full", "prefix"])
def test_a_token_of_one_packed_sample_never_reaches_another(trunk: Trunk, mode: str, changed: int):
    samples = [[2, 7, 8], [2, 30, 31], [2, 9, 10]]
    others = [list(sample) for sample in samples]
    others[changed][1] = 40
    before, after = (
        logits(trunk, packed(given, padding=1, mode=mode)).split([3, 3, 3, 1]) for given in (samples, others)
    )

    assert [torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [
        index != changed for index in range(4)
    ]


def test_the_first_segment_is_bit_identical_to_no_segments(trunk: Trunk):
    plain = one_sample([2, 7, 8])
    segmented = replace(plain, segment_ids_BT=torch.zeros(1, 3, dtype=torch.int64))

    assert torch.equal(trunk.hidden(plain), trunk.hidden(segmented))


def test_row_zero_of_the_segment_table_never_learns(trunk: Trunk):
    optimizer = torch.optim.AdamW(trunk.parameters(), lr=0.1, weight_decay=0.1)
    trunk.hidden(replace(one_sample([2, 7, 8]), segment_ids_BT=tensor([[0, 0, 1]]))).pow(3).sum().backward()
    optimizer.step()

    assert trunk.segments.weight[0].eq(0).all()
    assert trunk.segments.weight.grad is not None and trunk.segments.weight.grad[1].ne(0).any()


def test_row_zero_of_the_table_of_places_in_spans_never_learns(spanning: Trunk):
    optimizer = torch.optim.AdamW(spanning.parameters(), lr=0.1, weight_decay=0.1)
    spanning.hidden(replace(one_sample([2, 7, 8]), span_position_ids_BT=tensor([[0, 1, 2]]))).pow(3).sum().backward()
    optimizer.step()

    table = spanning.span_positions.weight
    assert table[0].eq(0).all()
    assert table.grad[0].eq(0).all() and table.grad[1:3].ne(0).any(dim=1).all()


def test_text_without_spans_is_bit_identical_with_and_without_a_table_of_places_in_spans(trunk: Trunk, spanning: Trunk):
    plain = packed([[2, 7, 8, 9], [2, 30]], padding=1, mode="causal")
    zeros = replace(plain, span_position_ids_BT=torch.zeros(1, 7, dtype=torch.int64))
    states = [trunk.hidden(plain), spanning.hidden(plain), spanning.hidden(zeros)]
    for state in (states[0], states[2]):
        state.pow(3).sum().backward()

    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])
    others = dict(spanning.named_parameters())
    assert others.keys() - dict(trunk.named_parameters()) == {"span_positions.weight"}
    for name, parameter in trunk.named_parameters():
        assert torch.equal(parameter, others[name])
        assert parameter.grad is None or torch.equal(parameter.grad, others[name].grad)


def test_first_weights_depend_on_the_seed_and_on_nothing_else():
    torch.manual_seed(1)
    first = Trunk(CONFIG, seed=3).state_dict()
    torch.manual_seed(2)
    second, other = Trunk(CONFIG, seed=3).state_dict(), Trunk(CONFIG, seed=4).state_dict()

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_matrices_that_write_into_the_residual_stream_start_smaller(trunk: Trunk):
    weights = trunk.state_dict()

    assert weights["model.layers.0.self_attn.q_proj.weight"].std() == pytest.approx(0.02, rel=0.05)
    assert weights["model.layers.1.mlp.down_proj.weight"].std() == pytest.approx(0.02 / 4**0.5, rel=0.05)


def test_dropout_acts_in_training_only():
    trunk = Trunk(CONFIG.model_copy(update={"dropout": 0.5}))
    batch = one_sample([2, 7, 8])

    assert not torch.equal(trunk.train().hidden(batch), trunk.hidden(batch))
    assert torch.equal(trunk.eval().hidden(batch), trunk.hidden(batch))


def test_bf16_autocast_stays_close_to_fp32_and_warns_of_nothing(trunk: Trunk):
    batch = packed([[2, 7, 8, 9], [2, 30]], padding=1, mode="causal")
    exact = trunk.hidden(batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough: Tensor = trunk.hidden(batch)
    rough.sum().backward()

    torch.testing.assert_close(rough.float(), exact, rtol=0, atol=0.05)
    assert all(parameter.grad is None or parameter.grad.dtype == torch.float32 for parameter in trunk.parameters())
