import pytest
import torch

from lightning_modules.adapters import FullConfig
from lightning_modules.networks import ModelChoice, Trunk

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)


def test_everything_is_trained_and_saved():
    trunk, adapter = Trunk(CONFIG), FullConfig().build()
    adapter.apply(trunk)

    assert all(parameter.requires_grad for parameter in trunk.parameters())
    assert adapter.state(trunk).keys() == trunk.state_dict().keys()


def test_a_saved_trunk_is_restored():
    trunk, other, adapter = Trunk(CONFIG, seed=1), Trunk(CONFIG, seed=2), FullConfig().build()
    adapter.load(other, adapter.state(trunk))

    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in trunk.state_dict().items())


def test_another_architecture_is_refused():
    adapter = FullConfig().build()
    wider = Trunk(CONFIG.model_copy(update={"vocab_size": 61}))
    with pytest.raises(ValueError, match="do not fit this model"):
        adapter.load(wider, adapter.state(Trunk(CONFIG)))
