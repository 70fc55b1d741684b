import copy

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks import ModelConfig, Trunk
from lightning_modules.optimizers import OPTIMIZERS, AdamWConfig, MuonConfig, SGDConfig, split_by_decay

MODEL = ModelConfig(
    vocab_size=40, hidden_size=8, num_layers=1, num_heads=2, num_kv_heads=2, intermediate_size=16, max_positions=8
)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(MODEL)
        self.head = nn.Linear(8, 2)


def names(model: Model, parameters: list[Tensor]) -> set[str]:
    wanted = {id(parameter) for parameter in parameters}
    return {
        name.removesuffix(".weight").split(".")[-1] for name, part in model.named_parameters() if id(part) in wanted
    }


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
        optimizer.zero_grad()


def test_only_matrices_decay():
    model = Model()

    matrices, others = split_by_decay(model)

    assert names(model, matrices) == {
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
        "head",
    }
    assert names(model, others) == {
        "embed_tokens", "segments", "input_layernorm", "post_attention_layernorm", "norm", "bias",
    }  # fmt: skip


def test_frozen_parameters_are_in_no_group():
    model = Model()
    model.trunk.requires_grad_(False)

    groups = AdamWConfig().build(model, 1e-3).param_groups

    assert [len(group["params"]) for group in groups] == [1, 1]


def test_muon_takes_the_matrices_of_the_trunk_and_adamw_the_rest():
    model = Model()

    optimizer = MuonConfig().build(model, 1e-3)

    assert names(model, optimizer.param_groups[0]["params"]) == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    assert names(model, optimizer.param_groups[1]["params"]) == {"head"}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


def test_muon_leaves_experts_to_adamw_which_decays_them():
    model = Model()
    model.trunk = Trunk(MODEL.model_copy(update={"experts": 2}))

    muon, decayed, _ = MuonConfig().build(model, 1e-3).param_groups

    assert names(model, muon["params"]) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate"}
    assert {parameter.ndim for parameter in decayed["params"]} == {2, 3}


def test_muon_moves_a_matrix_as_torch_does_and_the_rest_as_adamw_does():
    ours, theirs = Model(), Model()
    theirs.load_state_dict(ours.state_dict())
    inner = [part for layer in theirs.trunk.model.layers for part in layer.parameters() if part.ndim == 2]
    outer = [part for part in theirs.parameters() if id(part) not in set(map(id, inner))]
    muon = torch.optim.Muon(inner, lr=1e-2, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    tables = [{"params": [part], "weight_decay": 0.1 if part is theirs.head.weight else 0.0} for part in outer]
    adamw = torch.optim.AdamW(tables, lr=1e-2, betas=(0.9, 0.95), eps=1e-8)

    train(ours, MuonConfig().build(ours, 1e-2), steps=3)
    for step in range(3):
        generator = torch.Generator().manual_seed(step)
        for parameter in theirs.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        muon.step()
        adamw.step()

    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_muon_without_a_matrix_to_train_is_refused():
    model = Model()
    model.trunk.requires_grad_(False)

    with pytest.raises(ValueError, match="use 'adamw'"):
        MuonConfig().build(model, 1e-3)


@pytest.mark.parametrize("config", [AdamWConfig(), SGDConfig(), MuonConfig()])
def test_saved_and_loaded_optimizer_continues_as_if_never_stopped(config: AdamWConfig | SGDConfig | MuonConfig):
    whole = Model()
    optimizer = config.build(whole, 1e-2)
    train(whole, optimizer, steps=2)
    resumed = Model()
    resumed.load_state_dict(whole.state_dict())
    again = config.build(resumed, 1e-2)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for group in again.param_groups:
        group["lr"] = 5e-3
    for group in optimizer.param_groups:
        group["lr"] = 5e-3

    train(whole, optimizer, steps=2)
    train(resumed, again, steps=2)

    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_index_names_every_method():
    assert all(config().method == name for name, config in OPTIMIZERS.items())
