import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from data.batch import Attention, TokenBatch
from lightning_modules.adapters import LoRAConfig, read_adapter, weights_sha256, write_adapter
from lightning_modules.networks import ModelChoice, Trunk

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)  # width 64, 2 layers, swiglu 192
IDS = torch.tensor([[2, 40, 41, 42]])
BATCH = TokenBatch(IDS, torch.arange(4)[None], Attention("causal"), seed=0)


def adapted(seed: int = 0, **settings: object) -> tuple[Trunk, object]:
    trunk, adapter = Trunk(CONFIG), LoRAConfig(**settings).build()
    adapter.apply(trunk)
    torch.manual_seed(seed)
    for name, parameter in trunk.named_parameters():
        if name.endswith("lora_B"):
            torch.nn.init.normal_(parameter, std=0.1)
    return trunk, adapter


def test_a_fresh_update_changes_nothing():
    trunk, adapter = Trunk(CONFIG), LoRAConfig(rank=4).build()
    before = trunk.hidden(BATCH)
    adapter.apply(trunk)

    assert torch.equal(trunk.hidden(BATCH), before)


def test_only_the_updates_are_trained_and_counted_by_rank():
    trunk, _ = adapted(rank=4, targets=["q_proj", "v_proj"])
    trained = [parameter for parameter in trunk.parameters() if parameter.requires_grad]

    assert sum(parameter.numel() for parameter in trained) == 2 * 2 * 4 * (64 + 64)


def test_every_linear_layer_is_a_target_by_default():
    trunk, adapter = adapted(rank=1)
    sizes = 4 * (64 + 64) + 3 * (64 + 192)  # q, k, v, o; gate, up, down

    assert sum(tensor.numel() for tensor in adapter.state(trunk).values()) == 2 * sizes


def test_training_leaves_the_base_as_it_was():
    trunk, adapter = adapted()
    base = {name: tensor.clone() for name, tensor in trunk.state_dict().items() if "lora" not in name}
    optimizer = torch.optim.SGD([p for p in trunk.parameters() if p.requires_grad], lr=0.1)
    before = {name: tensor.clone() for name, tensor in adapter.state(trunk).items()}
    trunk.hidden(BATCH).square().sum().backward()
    optimizer.step()

    assert all(torch.equal(trunk.state_dict()[name], tensor) for name, tensor in base.items())
    assert any(not torch.equal(tensor, before[name]) for name, tensor in adapter.state(trunk).items())


def test_merging_keeps_the_outputs_and_restores_the_plain_layers():
    trunk, adapter = adapted()
    before = trunk.hidden(BATCH)
    adapter.merge(trunk)

    torch.testing.assert_close(trunk.hidden(BATCH), before)  # torch's own tolerance for float32
    assert trunk.state_dict().keys() == Trunk(CONFIG).state_dict().keys()


def test_unmerging_returns_the_base():
    trunk, adapter = adapted()
    state = copy.deepcopy(adapter.state(trunk))
    adapter.merge(trunk)
    adapter.unmerge(trunk, state)

    base = Trunk(CONFIG).state_dict()
    for name, tensor in trunk.state_dict().items():
        torch.testing.assert_close(tensor, base.get(name, state.get(name)), rtol=0, atol=1e-6)


def test_merging_adds_in_float32_what_bfloat16_would_lose():
    layer = torch.nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    holder = torch.nn.Sequential(layer)
    adapter = LoRAConfig(rank=1, alpha=1.0).build()
    adapter.apply(holder)
    with torch.no_grad():
        holder[0].weight.fill_(1.0)
        holder[0].lora_A.fill_(0.0625)
        holder[0].lora_B.fill_(0.125)
    adapter.merge(holder)

    assert holder[0].weight.item() == 1.0078125  # 1 + 1/128, the next bfloat16


def test_scale_is_alpha_over_rank():
    holder = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False))
    adapter = LoRAConfig(rank=2, alpha=3.0).build()
    adapter.apply(holder)
    with torch.no_grad():
        for parameter in holder.parameters():
            parameter.fill_(1.0)

    assert holder(torch.ones(1)).item() == pytest.approx(1 + 3 / 2 * 2)


def test_a_target_that_is_no_layer_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"targets query name no linear layer\. Known: down_proj, .*q_proj"):
        LoRAConfig(targets=["query"]).build().apply(Trunk(CONFIG))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    save_file(Trunk(CONFIG).state_dict(), tmp_path / "model.safetensors")
    return tmp_path


def test_an_adapter_file_holds_the_updates_only_and_restores_them(base: Path):
    trunk, adapter = adapted()
    write_adapter(base, LoRAConfig(), adapter, trunk, weights_sha256(base))
    fresh = Trunk(CONFIG)
    read_adapter(base, fresh, weights_sha256(base))

    assert all("lora_" in name for name in load_file(base / "adapter.safetensors"))
    assert json.loads((base / "adapter.json").read_text())["method"] == "lora"
    assert torch.equal(fresh.hidden(BATCH), trunk.hidden(BATCH))


def test_an_adapter_of_another_base_is_refused(base: Path):
    trunk, adapter = adapted()
    write_adapter(base, LoRAConfig(), adapter, trunk, "f" * 64)
    with pytest.raises(ValueError, match="belongs to base weights ffffffffffff"):
        read_adapter(base, Trunk(CONFIG), weights_sha256(base))


def test_an_update_of_another_rank_is_refused():
    trunk, adapter = adapted(rank=4)
    other, other_adapter = adapted(rank=8)
    with pytest.raises(ValueError, match="the adapter does not fit: 28 tensors differ"):
        other_adapter.load(other, adapter.state(trunk))
