from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import tensor

from data.batch import Attention, TokenBatch
from lightning_modules.export import to_llama
from lightning_modules.networks import ModelChoice, Trunk

transformers = pytest.importorskip("transformers")
CHOICE = ModelChoice(preset="tiny", num_layers=2, num_kv_heads=2, rope_theta=500.0, rms_norm_eps=1e-4, span_positions=9)
CONFIG = CHOICE.resolve(vocab_size=60, sequence_length=16)


@pytest.fixture
def trunk() -> Trunk:
    trunk = Trunk(CONFIG, seed=2).eval()
    for parameter in trunk.model.parameters():  # far from the first values, so that a mistake shows in the logits
        parameter.data.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)), alpha=0.1)
    return trunk


@pytest.fixture
def weights(trunk: Trunk, tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text(CONFIG.model_dump_json())
    save_file(trunk.state_dict(), folder / "model.safetensors")
    return folder


def opened(weights: Path, tmp_path: Path):
    to_llama(weights, tmp_path / "llama")
    return transformers.LlamaForCausalLM.from_pretrained(tmp_path / "llama").eval()


@torch.no_grad()
def test_logits_equal_those_of_transformers(trunk: Trunk, weights: Path, tmp_path: Path):
    ids = torch.arange(32).view(2, 16)
    batch = TokenBatch(ids, torch.arange(16).expand(2, 16), Attention("causal"), seed=0)

    ours, theirs = trunk.project(trunk.hidden(batch)), opened(weights, tmp_path)(ids).logits
    assert theirs.std() > 0.5
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@torch.no_grad()
def test_packed_samples_equal_transformers_on_each_alone(trunk: Trunk, weights: Path, tmp_path: Path):
    ids, positions = tensor([[2, 40, 41, 2, 50, 51, 52]]), tensor([[0, 1, 2, 0, 1, 2, 3]])
    packed = TokenBatch(ids, positions, Attention("causal", tensor([[0, 0, 0, 1, 1, 1, 1]])), seed=0)
    llama = opened(weights, tmp_path)

    theirs = torch.cat([llama(ids[:, :3]).logits, llama(ids[:, 3:]).logits], dim=1)
    torch.testing.assert_close(trunk.project(trunk.hidden(packed)), theirs, rtol=0, atol=1e-4)


def test_names_and_shapes_are_those_of_a_llama_beside_the_tables_it_does_not_need(
    trunk: Trunk, weights: Path, tmp_path: Path
):
    theirs = {name: value.shape for name, value in opened(weights, tmp_path).state_dict().items()}
    ours = {name: value.shape for name, value in trunk.state_dict().items()}

    assert theirs.keys() - ours.keys() == {"lm_head.weight"}  # tied: stored once
    assert ours.keys() - theirs.keys() == {"segments.weight", "span_positions.weight"}
    assert all(theirs[name] == shape for name, shape in ours.items() if name in theirs)


def test_a_folder_with_an_adapter_alone_is_refused(weights: Path, tmp_path: Path):
    (weights / "model.safetensors").rename(weights / "adapter.safetensors")

    with pytest.raises(ValueError, match="merge it into its base first"):
        to_llama(weights, tmp_path / "llama")


def test_tensors_without_a_place_and_missing_ones_are_named(weights: Path, tmp_path: Path):
    tensors = load_file(weights / "model.safetensors")
    save_file(tensors | {"model.layers.0.experts.weight": torch.ones(1)}, weights / "model.safetensors")
    with pytest.raises(ValueError, match=r"no place for model\.layers\.0\.experts\.weight"):
        to_llama(weights, tmp_path / "llama")

    del tensors["model.norm.weight"]
    save_file(tensors, weights / "model.safetensors")
    with pytest.raises(ValueError, match=r"needs model\.norm\.weight"):
        to_llama(weights, tmp_path / "llama")


def test_a_model_with_a_window_is_refused(weights: Path, tmp_path: Path):
    (weights / "config.json").write_text(CONFIG.model_copy(update={"attention_window": 8}).model_dump_json())

    with pytest.raises(ValueError, match="attention_window 8 is shorter than the model's 16 positions"):
        to_llama(weights, tmp_path / "llama")
