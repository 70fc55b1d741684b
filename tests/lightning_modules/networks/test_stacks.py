"""The baselines without attention: of equal size, and blind to what comes after and to other samples."""

import pytest
import torch
from torch import Tensor, nn, tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import KVCache, ModelChoice, Trunk, count_parameters
from lightning_modules.networks.config import PRESETS
from lightning_modules.networks.convolution import ConvolutionLayer
from lightning_modules.networks.recurrent import Samples

BASELINES = ["lstm", "convolution"]


@pytest.fixture(params=BASELINES)
def trunk(request: pytest.FixtureRequest) -> Trunk:
    choice = ModelChoice(preset="micro", architecture=request.param, num_layers=3)
    return Trunk(choice.resolve(vocab_size=50, sequence_length=32), seed=3)


def one_sample(ids: list[int]) -> TokenBatch:
    return TokenBatch(tensor([ids]), torch.arange(len(ids))[None], Attention("causal"), seed=0)


def packed(rows: list[list[list[int]]], length: int) -> TokenBatch:
    """Rows of samples, padded on the right to `length`."""
    fields: list[list[list[int]]] = [[], [], []]
    for samples in rows:
        padding = length - sum(map(len, samples))
        fields[0].append([token for sample in samples for token in sample] + [0] * padding)
        fields[1].append([place for sample in samples for place in range(len(sample))] + [0] * padding)
        fields[2].append([number for number, sample in enumerate(samples) for _ in sample] + [-1] * padding)
    ids_BT, positions_BT, samples_BT = map(tensor, fields)
    return TokenBatch(ids_BT, positions_BT, Attention("causal", samples_BT), seed=0)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("architecture", BASELINES)
def test_a_baseline_is_as_large_as_the_transformer_of_its_preset(architecture: str, preset: str):
    transformer, baseline = (
        count_parameters(ModelChoice(preset=preset, architecture=kind).resolve(4096, 256))
        for kind in ("transformer", architecture)
    )

    assert baseline["trunk"] == pytest.approx(transformer["trunk"], rel=0.02)
    assert baseline["embedding"] == transformer["embedding"]


def test_states_do_not_change_with_a_later_token(trunk: Trunk):
    before, after = (trunk.hidden(one_sample([2, 7, 8, 9, last])) for last in (10, 40))

    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4], after[:, 4])


def test_a_state_remembers_the_first_token(trunk: Trunk):
    before, after = (trunk.hidden(one_sample([first, *range(3, 20)])) for first in (2, 40))

    assert not torch.equal(before[:, -1], after[:, -1])


def test_packed_samples_equal_the_same_samples_alone(trunk: Trunk):
    rows = [[[2, 7, 8, 9], [2, 30], [2, 5, 6]], [[2, 31, 32, 33, 34, 35, 36]]]
    together_BTD = trunk.hidden(packed(rows, length=11))

    alone = [torch.cat([trunk.hidden(one_sample(sample))[0] for sample in samples]) for samples in rows]
    torch.testing.assert_close(together_BTD[0, :9], alone[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(together_BTD[1, :7], alone[1], rtol=0, atol=1e-6)
    assert together_BTD.isfinite().all()


def test_a_token_of_one_packed_sample_never_reaches_another(trunk: Trunk):
    before, after = (trunk.hidden(packed([[[2, 7, token], [2, 30, 31]]], length=7)) for token in (8, 40))

    assert torch.equal(before[:, 3:], after[:, 3:])


def test_gradients_reach_every_parameter_under_bf16_too(trunk: Trunk):
    batch = packed([[[2, 7, 8, 9], [2, 30]], [[2, 31, 32, 33, 34]]], length=8)
    exact = trunk.hidden(batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough = trunk.hidden(batch)
    rough.square().sum().backward()

    torch.testing.assert_close(rough.float(), exact, rtol=0, atol=0.1)
    assert all(parameter.grad is not None for parameter in trunk.model.layers.parameters())


@pytest.mark.parametrize("mode", ["full", "prefix"])
def test_modes_that_look_ahead_are_refused(trunk: Trunk, mode: str):
    batch = TokenBatch(
        tensor([[2, 7]]), tensor([[0, 1]]), Attention(mode, in_prefix_BT=tensor([[True, False]])), seed=0
    )

    with pytest.raises(ValueError, match=f"reads from left to right only, not in mode '{mode}'"):
        trunk.hidden(batch)


def test_samples_are_read_longest_first():
    samples = Samples.of(tensor([[0, 0, 1, 1, 1, -1], [4, 4, 4, 4, 5, 5]]))

    # Samples, by length: row 1's first (4), row 0's second (3), row 0's first and row 1's last (2), the padding (1).
    assert samples.sizes.tolist() == [5, 4, 2, 1]
    assert samples.order_N.tolist() == [6, 2, 0, 10, 5, 7, 3, 1, 11, 8, 4, 9]
    assert samples.last_B.tolist() == [4, 3]


def test_forget_gates_start_open_and_the_other_gates_undecided():
    lstm = Trunk(ModelChoice(preset="micro", architecture="lstm").resolve(50, 32)).model.layers[0].lstm
    assert isinstance(lstm, nn.LSTM)
    bias_4I: Tensor = lstm.bias_ih_l0 + lstm.bias_hh_l0

    assert [gate.unique().tolist() for gate in bias_4I.chunk(4)] == [[0.0], [1.0], [0.0], [0.0]]


def test_convolutions_reach_over_a_whole_sample():
    trunk = Trunk(ModelChoice(preset="micro", architecture="convolution", num_layers=5).resolve(50, 27))
    layers = [layer for layer in trunk.model.layers if isinstance(layer, ConvolutionLayer)]

    assert [layer.dilation for layer in layers] == [1, 3, 9, 1, 3]  # 1 + 2 x (1 + 3 + 9) = 27


def test_rows_that_continue_an_lstm_are_one_sample_each():
    trunk = Trunk(ModelChoice(preset="micro", architecture="lstm").resolve(50, 32))
    cache = KVCache(trunk.config)
    trunk.extend(tensor([[2, 7]]), tensor([[0, 1]]), cache)

    with pytest.raises(ValueError, match="leave sample_ids_BT out"):
        trunk.extend(tensor([[8]]), tensor([[2]]), cache, Attention("causal", tensor([[0]])))
