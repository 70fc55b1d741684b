"""The options of the transformer against the classes of transformers that have them, with the same weights."""

from typing import Any

import pytest
import torch
from torch import Tensor

from data.batch import Attention, TokenBatch
from lightning_modules.networks import ModelChoice, ModelConfig, Trunk

transformers = pytest.importorskip("transformers")


def batch(ids_BT: Tensor) -> TokenBatch:
    return TokenBatch(ids_BT, torch.arange(ids_BT.size(1)).expand_as(ids_BT), Attention("causal"), seed=0)


def far_from_the_first_values(config: ModelConfig) -> Trunk:
    trunk = Trunk(config, seed=2).eval()
    for parameter in trunk.model.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)), alpha=0.1)
    return trunk


def peer(family: str, config: ModelConfig, **options: Any) -> Any:
    return getattr(transformers, f"{family}Config")(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_kv_heads,
        head_dim=config.head_size,
        max_position_embeddings=config.max_positions,
        rms_norm_eps=config.rms_norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        tie_word_embeddings=True,
        **options,
    )


@pytest.mark.parametrize(
    ("family", "ours", "theirs"),
    [
        ("Qwen3", {"qk_norm": True}, {"use_sliding_window": False}),
        ("Mistral", {"attention_window": 3}, {"sliding_window": 3}),
        (
            "Mixtral",
            {"experts": 4, "experts_per_token": 2},
            {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
        ),
    ],
)
@torch.no_grad()
def test_logits_equal_those_of_transformers_under_the_same_names(
    family: str, ours: dict[str, Any], theirs: dict[str, Any]
):
    config = ModelChoice(preset="micro", num_kv_heads=1, rope_theta=500.0, **ours).resolve(60, 16)
    trunk = far_from_the_first_values(config)
    model = getattr(transformers, f"{family}ForCausalLM")(peer(family, config, **theirs)).eval()
    weights = {name: value for name, value in trunk.state_dict().items() if name != "segments.weight"}
    loaded = model.load_state_dict(weights, strict=False)
    ids_BT = torch.arange(32).view(2, 16)

    logits = trunk.project(trunk.hidden(batch(ids_BT)))

    assert loaded.unexpected_keys == []
    assert loaded.missing_keys == ["lm_head.weight"]  # tied
    assert logits.std() > 0.5
    torch.testing.assert_close(logits, model(ids_BT).logits, rtol=0, atol=1e-5)


def test_a_window_over_all_positions_is_bit_identical_to_none():
    open_, wide = (
        Trunk(ModelChoice(preset="micro", attention_window=window).resolve(60, 16), seed=1) for window in (None, 16)
    )
    ids_BT = torch.arange(16)[None]

    assert torch.equal(open_.hidden(batch(ids_BT)), wide.hidden(batch(ids_BT)))


def test_a_state_reaches_back_one_window_a_layer():
    trunk = Trunk(ModelChoice(preset="micro", attention_window=3).resolve(60, 16), seed=1)  # 2 layers: 2 x (3 - 1)
    ids_BT = torch.arange(2, 14)[None]
    other_BT = ids_BT.clone()
    other_BT[0, 0] = 50

    same = (trunk.hidden(batch(ids_BT)) == trunk.hidden(batch(other_BT))).all(-1)[0]

    assert same.tolist() == [False] * 5 + [True] * 7


def test_normed_queries_make_attention_blind_to_their_scale():
    trunk = Trunk(ModelChoice(preset="micro", qk_norm=True, rms_norm_eps=1e-12).resolve(60, 16), seed=1)
    ids_BT = torch.arange(16)[None]
    before = trunk.hidden(batch(ids_BT))
    for layer in trunk.model.layers:
        layer.self_attn.q_proj.weight.data.mul_(8.0)

    torch.testing.assert_close(trunk.hidden(batch(ids_BT)), before, rtol=0, atol=1e-5)
