import pytest
import torch
from torch import tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import KVCache, ModelChoice, Trunk

TRUNK = Trunk(ModelChoice(preset="micro", num_kv_heads=1).resolve(vocab_size=50, sequence_length=32), seed=1).eval()


@torch.no_grad()
def whole(ids: list[int], prefix: int = 0) -> torch.Tensor:
    in_prefix = (torch.arange(len(ids)) < prefix).unsqueeze(0)
    attention = Attention("prefix", in_prefix_BT=in_prefix) if prefix else Attention("causal")
    return TRUNK.hidden(TokenBatch(tensor([ids]), torch.arange(len(ids)).unsqueeze(0), attention, seed=0))[0]


@torch.no_grad()
def extend(cache: KVCache, ids: list[list[int]], positions: list[list[int]], attention: Attention | None = None):
    return TRUNK.extend(tensor(ids), tensor(positions), cache, attention)


@pytest.mark.parametrize("first", [1, 3])
def test_reading_in_pieces_equals_reading_at_once(first: int):
    ids, cache = [2, 7, 8, 9, 10], KVCache(TRUNK.config)
    pieces = [extend(cache, [ids[:first]], [list(range(first))])]
    pieces += [extend(cache, [ids[first:4]], [list(range(first, 4))]), extend(cache, [ids[4:]], [[4]])]

    torch.testing.assert_close(torch.cat(pieces, dim=1)[0], whole(ids), rtol=0, atol=1e-5)


def test_prompts_padded_on_the_left_continue_as_if_alone():
    cache = KVCache(TRUNK.config)
    padding = Attention("causal", tensor([[0, 0, 0], [-1, -1, 0]]))
    extend(cache, [[2, 7, 8], [0, 0, 2]], [[0, 1, 2], [0, 0, 0]], padding)
    states = extend(cache, [[9], [30]], [[3], [1]])

    torch.testing.assert_close(states[0, 0], whole([2, 7, 8, 9])[-1], rtol=0, atol=1e-5)
    torch.testing.assert_close(states[1, 0], whole([2, 30])[-1], rtol=0, atol=1e-5)


def test_a_prompt_read_as_a_prefix_is_seen_whole():
    cache = KVCache(TRUNK.config)
    extend(cache, [[2, 7, 8]], [[0, 1, 2]], Attention("prefix", in_prefix_BT=tensor([[True, True, True]])))
    states = extend(cache, [[9]], [[3]])

    torch.testing.assert_close(states[0, 0], whole([2, 7, 8, 9], prefix=3)[-1], rtol=0, atol=1e-5)


def test_selected_rows_continue_with_their_own_past():
    cache = KVCache(TRUNK.config)
    extend(cache, [[2, 7], [2, 30]], [[0, 1], [0, 1]])
    cache.select(tensor([1, 1]))
    states = extend(cache, [[9], [10]], [[2], [2]])

    torch.testing.assert_close(states[0, 0], whole([2, 30, 9])[-1], rtol=0, atol=1e-5)
    torch.testing.assert_close(states[1, 0], whole([2, 30, 10])[-1], rtol=0, atol=1e-5)
