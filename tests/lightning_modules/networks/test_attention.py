import pytest
import torch
from torch import tensor

from data.batch import Attention
from lightning_modules.networks.attention import allowed, rotate, rotation, visibility
from lightning_modules.networks.config import ModelChoice

CPU = torch.device("cpu")


def shown(attention: Attention, length: int, window: int | None = None) -> list[str]:
    return [
        "".join("x" if seen else "." for seen in row) for row in allowed(attention, length, CPU, window)[0].tolist()
    ]


def test_causal_mask_keeps_samples_apart_and_padding_to_itself():
    attention = Attention("causal", sample_ids_BT=tensor([[0, 0, 1, 1, -1]]))

    assert shown(attention, 5) == ["x....", "xx...", "..x..", "..xx.", "....x"]


def test_full_mask_is_a_block_a_sample():
    attention = Attention("full", sample_ids_BT=tensor([[0, 0, 1, -1]]))

    assert shown(attention, 4) == ["xx..", "xx..", "..x.", "...x"]


def test_prefix_is_seen_by_its_own_sample_only():
    attention = Attention(
        "prefix",
        sample_ids_BT=tensor([[0, 0, 0, 1, 1]]),
        in_prefix_BT=tensor([[True, True, False, True, False]]),
    )

    assert shown(attention, 5) == ["xx...", "xx...", "xxx..", "...x.", "...xx"]


@pytest.mark.parametrize(("in_prefix", "mode"), [(False, "causal"), (True, "full")])
def test_no_prefix_is_causal_and_all_prefix_is_full(in_prefix: bool, mode: str):
    prefix = Attention("prefix", in_prefix_BT=torch.full((1, 4), in_prefix))

    assert torch.equal(allowed(prefix, 4, CPU), allowed(Attention(mode), 4, CPU))


def test_rows_of_one_sample_need_no_mask():
    assert visibility(Attention("causal"), 4, CPU) == (None, True)
    assert visibility(Attention("full"), 4, CPU) == (None, False)


def test_window_of_three_over_ten_positions_leaves_27_pairs():
    assert allowed(Attention("causal"), 10, CPU, window=3).sum() == 27


def test_window_looks_to_both_sides_in_full_mode():
    assert shown(Attention("full"), 4, window=2) == ["xx..", "xxx.", ".xxx", "..xx"]


def test_window_is_counted_within_packed_samples_and_spares_no_prefix():
    attention = Attention(
        "prefix",
        sample_ids_BT=tensor([[0, 0, 0, 0, 1, 1]]),
        in_prefix_BT=tensor([[True, True, False, False, True, False]]),
    )

    assert shown(attention, 6, window=2) == ["xx....", "xx....", ".xx...", "..xx..", "....x.", "....xx"]


@pytest.mark.parametrize(("window", "builds"), [(3, True), (4, False), (5, False)])
def test_only_a_window_shorter_than_the_row_needs_a_mask(window: int, builds: bool):
    assert (visibility(Attention("causal"), 4, CPU, window).mask is not None) == builds


def test_prefix_mode_without_a_prefix_is_refused():
    with pytest.raises(ValueError, match="needs in_prefix_BT"):
        allowed(Attention("prefix"), 4, CPU)


def test_rotation_makes_scores_depend_on_distance_alone():
    config = ModelChoice(preset="micro").resolve(10, 64)
    query, key = torch.randn(2, 1, 1, 1, config.head_size, generator=torch.Generator().manual_seed(0))

    def score(query_position: int, key_position: int) -> torch.Tensor:
        turned = [
            rotate(states, rotation(tensor([[position]]), config, torch.float32))
            for states, position in ((query, query_position), (key, key_position))
        ]
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(score(7, 3), score(57, 53), rtol=1e-5, atol=1e-5)
    assert abs(score(7, 3) - score(7, 4)) > 1e-3
