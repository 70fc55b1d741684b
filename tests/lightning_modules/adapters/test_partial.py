"""Partial fine-tuning: what stays, stays bit for bit, and the file holds the rest."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from data.batch import Attention, TokenBatch
from lightning_modules.adapters import PartialConfig, read_adapter, weights_sha256, write_adapter
from lightning_modules.networks import ModelChoice, Trunk

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)  # 2 layers
IDS = torch.tensor([[2, 40, 41, 42]])
BATCH = TokenBatch(IDS, torch.arange(4)[None], Attention("causal"), seed=0)


def trained(config: PartialConfig) -> Trunk:
    trunk = Trunk(CONFIG)
    config.build().apply(trunk)
    optimizer = torch.optim.AdamW([p for p in trunk.parameters() if p.requires_grad], lr=0.1, weight_decay=0.5)
    trunk.hidden(BATCH).square().sum().backward()
    optimizer.step()
    return trunk


@pytest.mark.parametrize(
    ("frozen", "prefixes"),
    [(0, ("model.layers.0.", "model.layers.1.", "model.norm.")), (1, ("model.layers.1.", "model.norm.")),
     (2, ("model.norm.",))],
)  # fmt: skip
def test_embeddings_and_lower_layers_stay_bit_for_bit(frozen: int, prefixes: tuple[str, ...]):
    trunk, base = trained(PartialConfig(frozen_layers=frozen)), Trunk(CONFIG).state_dict()

    moved = {name for name, tensor in trunk.state_dict().items() if not torch.equal(tensor, base[name])}
    assert moved == {name for name in base if name.startswith(prefixes)}
    still = [parameter for name, parameter in trunk.named_parameters() if name not in moved]
    assert all(parameter.grad is None for parameter in still)


def test_with_the_head_alone_nothing_of_the_trunk_is_trained():
    trunk = Trunk(CONFIG)
    PartialConfig(head_only=True).build().apply(trunk)

    assert not any(parameter.requires_grad for parameter in trunk.parameters())


@pytest.mark.parametrize("config", [PartialConfig(frozen_layers=1), PartialConfig(head_only=True)])
def test_the_file_holds_what_was_trained_and_merges_as_it_is(config: PartialConfig, tmp_path: Path):
    save_file(Trunk(CONFIG).state_dict(), tmp_path / "model.safetensors")
    sha256 = weights_sha256(tmp_path)
    trunk = Trunk(CONFIG) if config.head_only else trained(config)
    config.build().apply(trunk)
    write_adapter(tmp_path, config, config.build(), trunk, sha256)
    fresh = Trunk(CONFIG)
    read_adapter(tmp_path, fresh, sha256).merge(fresh)

    saved = load_file(tmp_path / "adapter.safetensors")
    assert saved.keys() == {name for name, parameter in trunk.named_parameters() if parameter.requires_grad}
    assert all(torch.equal(tensor, fresh.state_dict()[name]) for name, tensor in trunk.state_dict().items())


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="frozen_layers is 3, but the model has 2 layers"):
        PartialConfig(frozen_layers=3).check_model(CONFIG)
    with pytest.raises(ValueError, match="head_only freezes every layer"):
        PartialConfig(frozen_layers=1, head_only=True)
