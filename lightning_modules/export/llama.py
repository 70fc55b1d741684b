"""A weights folder as transformers' `LlamaForCausalLM`: the names are its own, only the description is rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from data.vocabulary import SPECIALS
from lightning_modules.networks.config import ModelConfig

TABLES_BESIDE = {"segments.weight", "span_positions.weight"}
"""Tensors that Llama has no place for and needs none for: their row 0, all that plain text reads, is zero."""


def to_llama(weights: Path, output: Path) -> None:
    """Writes config.json and model.safetensors, which `LlamaForCausalLM.from_pretrained(output)` opens.

    The tables of segments and of places in spans stay behind: for text of one segment without spans they are zero. So
    do the objectives' heads. Dropout stays behind too: it acts in training alone.

    Args:
        weights: a `weights` artifact.
        output: folder to write; made if need be.

    Raises:
        ValueError: the folder holds an adapter or tensors that a Llama has no place for, or lacks some; or the model
            has a window.
    """
    if not (weights / "model.safetensors").exists():
        raise ValueError(
            f"{weights} has no model.safetensors. An adapter's folder holds only what was added to a base: merge it "
            "into its base first, then export the result"
        )
    config = ModelConfig.model_validate_json((weights / "config.json").read_text(encoding="utf-8"))
    if config.attention_window is not None and config.attention_window < config.max_positions:
        raise ValueError(
            f"{weights}: attention_window {config.attention_window} is shorter than the model's "
            f"{config.max_positions} positions, and LlamaForCausalLM has no window"
        )
    tensors = {
        name: tensor for name, tensor in load_file(weights / "model.safetensors").items() if name not in TABLES_BESIDE
    }
    expected = tensor_names(config)
    if strange := sorted(tensors.keys() - expected):
        raise ValueError(f"{weights}: LlamaForCausalLM has no place for {', '.join(strange)}")
    if missing := sorted(expected - tensors.keys()):
        raise ValueError(f"{weights}: LlamaForCausalLM needs {', '.join(missing)}, which model.safetensors lacks")
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(llama_config(config), sort_keys=True, indent=1, ensure_ascii=False)
    (output / "config.json").write_text(text + "\n", encoding="utf-8")
    save_file(tensors, output / "model.safetensors", metadata={"format": "pt"})


def llama_config(config: ModelConfig) -> dict[str, Any]:
    """Returns `LlamaConfig`'s fields, every number written out: defaults differ between models and versions."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float32",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_size,
        "hidden_act": "silu",
        "max_position_embeddings": config.max_positions,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,
        "initializer_range": 0.02,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "pretraining_tp": 1,
        "tie_word_embeddings": True,
        "use_cache": True,
        "pad_token_id": SPECIALS.pad,
        "bos_token_id": SPECIALS.bos,
        "eos_token_id": SPECIALS.eos,
    }


def tensor_names(config: ModelConfig) -> set[str]:
    """Returns the tensors of a Llama of this shape with tied embeddings."""
    parts = [
        *("input_layernorm", "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
        *(f"self_attn.{part}_proj" for part in "qkvo"),
    ]
    layers = {f"model.layers.{index}.{part}.weight" for index in range(config.num_layers) for part in parts}
    return layers | {"model.embed_tokens.weight", "model.norm.weight"}
