"""`ModelConfig` as config.json of a class of transformers, and back.

Every number is written out: defaults differ between classes (rms_norm_eps: 1e-6 in Llama, 1e-5 in EuroBert) and
between versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.vocabulary import SPECIALS
from lightning_modules.export.targets import TARGETS, Target
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.initialization import STANDARD_DEVIATION

NAMES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_kv_heads": "num_key_value_heads",
    "intermediate_size": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "rms_norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
}
"""Field of `ModelConfig` -> its name in every target's configuration."""
KEPT = (
    *("alignment", "segments", "span_positions", "dropout"),
    *("capacity_factor", "router_jitter", "router_balance_weight", "router_z_weight"),
)
"""Fields that change nothing of what a target computes: it reads one segment without spans and is not trained by us."""
OURS = "stagelm"
"""Key of config.json with what transformers has no name for and leaves alone."""


def to_transformers(config: ModelConfig, target: Target) -> dict[str, Any]:
    """Returns the content of config.json without the classes of a classifier.

    Raises:
        ValueError: the target cannot hold this network.
    """
    if (misfit := _misfit(config, target)) is not None:
        able = ", ".join(name for name, other in TARGETS.items() if _misfit(config, other) is None) or "none"
        raise ValueError(f"{target.architecture} {misfit}; targets that hold this model: {able}")
    given = config.model_dump(mode="json")
    numbers = {theirs: given[ours] for ours, theirs in (NAMES | dict(target.holds)).items()}
    return {
        **numbers,
        **target.fixed,
        **target.inert,
        "architectures": [target.architecture],
        "model_type": target.model_type,
        "dtype": "float32",
        "head_dim": config.head_size,
        "hidden_act": "silu",
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "initializer_range": STANDARD_DEVIATION,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "pad_token_id": SPECIALS.pad,
        "bos_token_id": SPECIALS.bos,
        "eos_token_id": SPECIALS.eos,
        OURS: {name: given[name] for name in KEPT},
    }


def _misfit(config: ModelConfig, target: Target) -> str | None:
    """Returns why the target cannot hold this network, or is not there for it."""
    if target.alignment not in (None, config.alignment):
        return (
            "predicts a hidden token at its own place, but this model was trained with alignment "
            f"'{config.alignment}': the state before a token predicts it, so every answer would be off by one, unless "
            f"it is trained with model.alignment: {target.alignment}"
        )
    fields = type(config).model_fields
    used = {name for name in fields if getattr(config, name) != fields[name].default} - NAMES.keys() - set(KEPT)
    for name, implied in target.implies.items():
        if (value := getattr(config, name)) != implied:
            reason = f": {target.because}" if target.because else ""
            return f"is for networks with {name}={implied!r}, not {value!r}{reason}"
    for name in fields:
        if name in used - target.holds.keys() - target.implies.keys():
            return f"has no place for {name}={getattr(config, name)!r}"
    if target.holds and not used & target.holds.keys():
        return f"is for networks with {' or '.join(target.holds)}"
    return None


def from_transformers(fields: Mapping[str, Any], target: Target, place: Path) -> ModelConfig:
    """Returns the network that a config.json describes. What it does not say of our own fields is their default.

    Raises:
        ValueError: it lacks a number, or describes something that our networks do not compute.
    """
    rope = fields.get("rope_parameters") or {"rope_theta": fields.get("rope_theta")}  # transformers 5, or before
    numbers = {**fields, "rope_theta": rope.get("rope_theta")}
    lacking = [name for name in NAMES.values() if numbers.get(name) is None]
    lacking += [name for name in target.holds.values() if name not in fields]  # None has a meaning
    if lacking:
        raise ValueError(f"{place}: lacks {', '.join(lacking)}, and defaults differ between versions: write them out")
    wanted = {
        "hidden_act": "silu",
        "head_dim": numbers["hidden_size"] // numbers["num_attention_heads"],
        "rope_scaling": None,
        "attention_bias": False,
        "tie_word_embeddings": True,
        **target.fixed,
    }
    if not target.prefix:  # a bare trunk has no projection to tie
        del wanted["tie_word_embeddings"]
    given = {**wanted, **{key: fields[key] for key in wanted if fields.get(key) is not None}}
    differing = [f"{key} is {given[key]!r}, not {value!r}" for key, value in wanted.items() if given[key] != value]
    if rope.keys() - {"rope_type", "rope_theta"} or rope.get("rope_type", "default") != "default":
        differing.append(f"rope_parameters is {rope}, not of type 'default'")
    if differing:
        raise ValueError(f"{place}: our networks do not compute this: {'; '.join(differing)}")
    names = NAMES | dict(target.holds)
    own = {ours: numbers[theirs] for ours, theirs in names.items() if numbers.get(theirs) is not None}
    alignment = "shifted" if target.attention == "causal" else "same"
    return ModelConfig(**own, **{"alignment": alignment} | dict(target.implies) | fields.get(OURS, {}))
