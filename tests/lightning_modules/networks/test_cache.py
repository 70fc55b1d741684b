import pytest
import torch
from torch import tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import KVCache, ModelChoice, Trunk

CHOICES = {
    "transformer": ModelChoice(preset="micro", num_kv_heads=1),
    "window": ModelChoice(preset="micro", num_kv_heads=1, attention_window=2, qk_norm=True),
    "experts": ModelChoice(preset="micro", experts=3, experts_per_token=2),
    "lstm": ModelChoice(preset="micro", architecture="lstm"),
    "convolution": ModelChoice(preset="micro", architecture="convolution"),
}


@pytest.fixture(params=CHOICES)
def trunk(request: pytest.FixtureRequest) -> Trunk:
    trunk = Trunk(CHOICES[request.param].resolve(vocab_size=50, sequence_length=32), seed=1).eval()
    trunk.requires_grad_(False)
    for parameter in trunk.model.layers.parameters():  # far from the first values, so that the past matters
        parameter.mul_(5.0 if parameter.ndim > 1 else 1.0)
    return trunk


def whole(trunk: Trunk, ids: list[int], prefix: int = 0) -> torch.Tensor:
    in_prefix = (torch.arange(len(ids)) < prefix).unsqueeze(0)
    attention = Attention("prefix", in_prefix_BT=in_prefix) if prefix else Attention("causal")
    return trunk.hidden(TokenBatch(tensor([ids]), torch.arange(len(ids)).unsqueeze(0), attention, seed=0))[0]


def extend(
    trunk: Trunk, cache: KVCache, ids: list[list[int]], positions: list[list[int]], attention: Attention | None = None
):
    return trunk.extend(tensor(ids), tensor(positions), cache, attention)


@pytest.mark.parametrize("first", [1, 3])
def test_reading_in_pieces_equals_reading_at_once(trunk: Trunk, first: int):
    ids, cache = [2, 7, 8, 9, 10], KVCache(trunk.config)
    pieces = [extend(trunk, cache, [ids[:first]], [list(range(first))])]
    pieces += [extend(trunk, cache, [ids[first:4]], [list(range(first, 4))]), extend(trunk, cache, [ids[4:]], [[4]])]

    torch.testing.assert_close(torch.cat(pieces, dim=1)[0], whole(trunk, ids), rtol=0, atol=1e-5)


def test_prompts_padded_on_the_left_continue_as_if_alone(trunk: Trunk):
    cache = KVCache(trunk.config)
    padding = Attention("causal", tensor([[0, 0, 0], [-1, -1, 0]]))
    extend(trunk, cache, [[2, 7, 8], [0, 0, 2]], [[0, 1, 2], [0, 0, 0]], padding)
    states = extend(trunk, cache, [[9], [30]], [[3], [1]])

    torch.testing.assert_close(states[0, 0], whole(trunk, [2, 7, 8, 9])[-1], rtol=0, atol=1e-5)
    torch.testing.assert_close(states[1, 0], whole(trunk, [2, 30])[-1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("trunk", ["transformer", "window"], indirect=True)
def test_a_prompt_read_as_a_prefix_is_seen_whole(trunk: Trunk):
    cache = KVCache(trunk.config)
    extend(trunk, cache, [[2, 7, 8]], [[0, 1, 2]], Attention("prefix", in_prefix_BT=tensor([[True, True, True]])))
    states = extend(trunk, cache, [[9]], [[3]])

    torch.testing.assert_close(states[0, 0], whole(trunk, [2, 7, 8, 9], prefix=3)[-1], rtol=0, atol=1e-5)


def test_selected_rows_continue_with_their_own_past(trunk: Trunk):
    cache = KVCache(trunk.config)
    extend(trunk, cache, [[2, 7], [2, 30]], [[0, 1], [0, 1]])
    cache.select(tensor([1, 1]))
    states = extend(trunk, cache, [[9], [10]], [[2], [2]])

    torch.testing.assert_close(states[0, 0], whole(trunk, [2, 30, 9])[-1], rtol=0, atol=1e-5)
    torch.testing.assert_close(states[1, 0], whole(trunk, [2, 30, 10])[-1], rtol=0, atol=1e-5)
