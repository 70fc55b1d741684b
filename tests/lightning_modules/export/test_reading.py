import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from data.batch import Attention, TokenBatch
from lightning_modules.checkpoint import hand_over, load_trunk, read_config, read_heads
from lightning_modules.datamodule import StageData
from lightning_modules.export import TARGETS
from lightning_modules.export.reading import import_weights
from lightning_modules.export.writing import Source, export
from lightning_modules.module import StageModule
from lightning_modules.networks import Trunk
from lightning_modules.spec import TrainSpec
from lightning_modules.train import train

transformers = pytest.importorskip("transformers")
MakeSource = Callable[..., Source]


@pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if not target.classifies])
def test_our_own_export_comes_back_bit_for_bit(
    make_source: MakeSource, features: dict[str, dict[str, Any]], tmp_path: Path, target: str
):
    source = make_source(alignment="same", segments=2, dropout=0.25, **features.get(target, {}))
    export(source, target, tmp_path / "exported")
    config = import_weights(tmp_path / "exported", source.tokenizer, tmp_path / "back")

    assert config == read_config(tmp_path / "back") == read_config(source.weights)
    before, after = (load_trunk(folder).model.state_dict() for folder in (source.weights, tmp_path / "back"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert read_heads(tmp_path / "back") == {}


def test_the_next_stage_starts_from_imported_weights(make_source: MakeSource, tmp_path: Path):
    source = make_source()
    export(source, "llama", tmp_path / "exported")
    config = import_weights(tmp_path / "exported", source.tokenizer, tmp_path / "back")
    trunk = Trunk(config, seed=9)

    assert hand_over(tmp_path / "back", config, trunk, {}) == []
    saved = load_trunk(tmp_path / "back").parameters()
    assert all(torch.equal(a, b) for a, b in zip(trunk.parameters(), saved, strict=True))
    assert trunk.segments.weight[0].eq(0).all()
    assert trunk.segments.weight[1:].ne(0).all()


def test_stage_engine_trains_on_from_imported_weights(
    make_spec: Callable[..., TrainSpec], artifacts: Path, tmp_path: Path
):
    model = make_spec().model
    llama(model.vocab_size, hidden_size=16, layers=2, heads=2, width=32, positions=32).save_pretrained(
        tmp_path / "theirs"
    )
    import_weights(tmp_path / "theirs", artifacts / "tokenizer", tmp_path / "weights")
    spec = make_spec(init=tmp_path / "weights", model=read_config(tmp_path / "weights"))
    train(StageModule(spec), StageData(spec))

    assert not torch.equal(*(load_trunk(f).model.norm.weight for f in (spec.output, tmp_path / "weights")))


def llama(
    vocab_size: int, *, hidden_size: int, layers: int, heads: int, width: int, positions: int, **other: Any
) -> Any:
    """A checkpoint that is none of ours, with weights of its own drawing."""
    config = {
        "vocab_size": vocab_size, "hidden_size": hidden_size, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": width, "max_position_embeddings": positions,
        "tie_word_embeddings": True,
    }  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**config | other)).eval()


@pytest.fixture
def foreign(tmp_path: Path) -> Callable[..., Path]:
    """Saves a foreign Llama of the tokenizer's size, with changes to its configuration."""

    def save(**other: Any) -> Path:
        sizes = {"hidden_size": 16, "layers": 2, "heads": 2, "width": 24, "positions": 32}
        llama(520, **sizes | other).save_pretrained(tmp_path / "theirs")
        return tmp_path / "theirs"

    return save


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_foreign_llama_gives_its_own_logits(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path, dtype: torch.dtype
):
    folder = foreign(
        num_key_value_heads=1, rms_norm_eps=1e-3, rope_parameters={"rope_type": "default", "rope_theta": 77}
    )
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    model.to(dtype).save_pretrained(folder)
    config = import_weights(folder, tokenizers["bpe"], tmp_path / "back")
    ids = torch.arange(40, 50)[None]
    trunk = load_trunk(tmp_path / "back")

    ours = trunk.project(trunk.hidden(TokenBatch(ids, torch.arange(10)[None], Attention("causal"), seed=0)))
    torch.testing.assert_close(ours, model.float()(ids).logits, rtol=0, atol=1e-5)
    assert (config.rope_theta, config.rms_norm_eps, config.num_kv_heads, config.alignment) == (77, 1e-3, 1, "shifted")


SIZES = {
    "vocab_size": 520, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 8, "intermediate_size": 24, "max_position_embeddings": 32, "tie_word_embeddings": True,
}  # fmt: skip


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "numbers", "own"),
    [
        ("Qwen3", {}, {"qk_norm": True}),
        ("Mistral", {"sliding_window": 3}, {"attention_window": 3}),
        ("Mistral", {"sliding_window": None}, {"attention_window": None}),
        ("Mixtral", {"num_local_experts": 4}, {"experts": 4, "experts_per_token": 2, "attention_window": None}),
    ],
)
def test_other_foreign_classes_give_their_own_logits(
    tokenizers: dict[str, Path], tmp_path: Path, name: str, numbers: dict[str, Any], own: dict[str, Any]
):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES | numbers, initializer_range=0.3)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    model.save_pretrained(tmp_path / "theirs")
    read = import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")
    ids = torch.arange(40, 50)[None]
    trunk = load_trunk(tmp_path / "back")

    ours = trunk.project(trunk.hidden(TokenBatch(ids, torch.arange(10)[None], Attention("causal"), seed=0)))
    torch.testing.assert_close(ours, model(ids).logits, rtol=0, atol=1e-5)
    assert {field: getattr(read, field) for field in own} == own


@pytest.mark.parametrize(
    ("target", "fields", "message"),
    [
        ("qwen3", {"use_sliding_window": True}, "use_sliding_window is True, not False"),
        ("mixtral", {"num_experts_per_tok": 1}, "num_experts_per_tok is 1, not 2"),
        ("mixtral", {"num_local_experts": 5}, r"missing: model\.layers\.0\.block_sparse_moe\.experts\.3\.w1\.weight"),
    ],
)
def test_other_classes_are_read_only_as_our_networks_compute_them(
    make_source: MakeSource,
    features: dict[str, dict[str, Any]],
    tmp_path: Path,
    target: str,
    fields: dict[str, Any],
    message: str,
):
    source = make_source(**features[target])
    export(source, target, tmp_path / "exported")
    change(tmp_path / "exported", **fields)

    with pytest.raises(ValueError, match=message):
        import_weights(tmp_path / "exported", source.tokenizer, tmp_path / "back")


def test_window_is_not_left_to_a_default(make_source: MakeSource, features: dict[str, dict[str, Any]], tmp_path: Path):
    source = make_source(**features["mistral"])
    export(source, "mistral", tmp_path / "exported")
    config = json.loads((tmp_path / "exported" / "config.json").read_text())
    del config["sliding_window"]
    (tmp_path / "exported" / "config.json").write_text(json.dumps(config))

    with pytest.raises(ValueError, match="lacks sliding_window"):
        import_weights(tmp_path / "exported", source.tokenizer, tmp_path / "back")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False, not True"),
        ({"attention_bias": True}, "attention_bias is True, not False"),
        ({"mlp_bias": True}, "mlp_bias is True, not False"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu', not 'silu'"),
        ({"head_dim": 4}, "head_dim is 4, not 8"),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
            "rope_parameters is .*'linear'.*, not of type 'default'",
        ),
    ],
)
def test_what_our_networks_do_not_compute_is_refused_by_name(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path, change: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=message):
        import_weights(foreign(**change), tokenizers["bpe"], tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_scaled_rotary_positions_of_older_versions_are_refused(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path
):
    change(foreign(), rope_parameters=None, rope_theta=1e4, rope_scaling={"type": "linear", "factor": 2.0})

    with pytest.raises(ValueError, match="rope_scaling is"):
        import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")


def change(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))


def test_numbers_are_not_left_to_a_default(foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path):
    change(foreign(), rms_norm_eps=None)

    with pytest.raises(ValueError, match="lacks rms_norm_eps"):
        import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")


def test_other_classes_are_refused_with_the_known_ones(
    make_source: MakeSource, tokenizers: dict[str, Path], tmp_path: Path
):
    export(make_source(), "eurobert-classifier", tmp_path / "exported")

    with pytest.raises(
        ValueError, match="EuroBertForSequenceClassification; known: LlamaForCausalLM, Qwen3ForCausalLM"
    ):
        import_weights(tmp_path / "exported", tokenizers["unigram"], tmp_path / "back")


def test_tensors_without_a_place_and_missing_and_misshapen_ones_are_named(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path
):
    file = foreign() / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.norm.weight"]
    tensors["model.layers.0.self_attn.q_norm.weight"] = torch.ones(8)
    tensors["model.layers.1.mlp.up_proj.weight"] = torch.ones(3, 16)
    save_file(tensors, file)

    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole message is compared)
        import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")
    assert str(refused.value) == (
        f"{tmp_path / 'theirs'}: no place for: model.layers.0.self_attn.q_norm.weight; missing: model.norm.weight; "
        "of another shape than config.json says: model.layers.1.mlp.up_proj.weight"
    )


def test_untied_projection_is_refused_whatever_config_json_says(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path
):
    change(foreign(tie_word_embeddings=False), tie_word_embeddings=True)

    with pytest.raises(ValueError, match=r"lm_head\.weight is not the token table"):
        import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")


def test_another_tokenizer_is_refused(make_source: MakeSource, tokenizers: dict[str, Path], tmp_path: Path):
    export(make_source(), "llama", tmp_path / "exported")

    with pytest.raises(ValueError, match="trained with tokenizer"):
        import_weights(tmp_path / "exported", tokenizers["bpe"], tmp_path / "back")


def test_tokenizer_of_another_size_is_refused(foreign: Callable[..., Path], artifacts: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"has 520 tokens, but .* has 64"):
        import_weights(foreign(), artifacts / "tokenizer", tmp_path / "back")


def test_weights_in_other_formats_are_refused(
    foreign: Callable[..., Path], tokenizers: dict[str, Path], tmp_path: Path
):
    shutil.move(foreign() / "model.safetensors", tmp_path / "theirs" / "pytorch_model.bin")

    with pytest.raises(ValueError, match=r"no \*\.safetensors"):
        import_weights(tmp_path / "theirs", tokenizers["bpe"], tmp_path / "back")
