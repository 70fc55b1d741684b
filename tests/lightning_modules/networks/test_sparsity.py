import pytest
import torch
from torch import tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.networks.sparsity import Metered, SparsityMeter, metered


def test_near_zero_is_a_hundredth_of_the_root_mean_square():
    meter = SparsityMeter()
    meter.count(tensor([[2.0, -2.0], [0.0141, -0.0142]]))  # root mean square 1.41425

    assert (meter.near_zero, meter.activations) == (1, 4)


def test_the_scale_of_a_layer_does_not_matter_and_zeros_count():
    meter = SparsityMeter()
    meter.count(1e-9 * tensor([3.0, 0.001, 4.0]))
    meter.count(torch.zeros(2))
    meter.count(torch.zeros(0, 5))

    assert (meter.near_zero, meter.activations) == (3, 5)


@pytest.mark.parametrize("options", [{}, {"experts": 2, "experts_per_token": 2}])
def test_every_layer_counts_every_real_position_within_the_block_alone(options: dict[str, int]):
    trunk = Trunk(ModelChoice(preset="micro", **options).resolve(60, 16), seed=1).eval()
    attention = Attention("causal", tensor([[0, 0, 1, -1]]))
    batch = TokenBatch(tensor([[2, 7, 2, 0]]), tensor([[0, 1, 0, 0]]), attention, seed=0)

    with metered(trunk) as meter:
        counted = trunk.hidden(batch)
    uncounted = trunk.hidden(batch)

    assert meter.activations == 2 * 3 * 192 * options.get("experts_per_token", 1)  # layers, positions, width inside
    assert 0 <= meter.near_zero < meter.activations
    assert torch.equal(counted, uncounted)
    assert all(part.meter is None for part in trunk.modules() if isinstance(part, Metered))
