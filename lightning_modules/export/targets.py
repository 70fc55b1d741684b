"""The classes of transformers that compute what our networks compute, parameter for parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from data.vocabulary import SPECIALS
from lightning_modules.networks.config import Alignment


@dataclass(frozen=True)
class Target:
    """One class of transformers, and which of our networks it can hold."""

    architecture: str
    """Name of the class."""
    model_type: str
    """What its configuration calls it."""
    attention: Literal["causal", "full"]
    """Who sees whom; a causal class continues texts, the others read them whole."""
    prefix: str = "model."
    """In front of the trunk's parameters."""
    alignment: Alignment | None = None
    """The only one whose predictions its head gives back; None: any, as it predicts the next token or none at all."""
    classifies: bool = False
    """Takes the head of `classification` along."""
    holds: Mapping[str, str] = field(default_factory=dict)
    """Fields of `ModelConfig` that few classes have -> their names in the configuration. Other classes refuse a network
    that sets one, and this class one that sets none."""
    implies: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `ModelConfig` that few classes have -> what they are in every network of this class, so that no key
    needs to say it. Other classes refuse such a network, and this class any other."""
    because: str = ""
    """Why it holds no network without what it implies, where that is not plain."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the configuration that are equal for all our networks; weights with other values are not read."""
    inert: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the configuration that change nothing of what is computed with `fixed`."""


_NO_BIAS = {"mlp_bias": False}
_LLAMA = {"pretraining_tp": 1}
_EUROBERT = {**_LLAMA, "mask_token_id": SPECIALS.mask}

TARGETS: dict[str, Target] = {
    "llama": Target("LlamaForCausalLM", "llama", "causal", fixed=_NO_BIAS, inert=_LLAMA),
    "qwen3": Target(
        "Qwen3ForCausalLM",
        "qwen3",
        "causal",
        implies={"qk_norm": True},
        fixed={"use_sliding_window": False},
        inert={"sliding_window": None, "max_window_layers": 0, "layer_types": None},
    ),
    "mistral": Target("MistralForCausalLM", "mistral", "causal", holds={"attention_window": "sliding_window"}),
    "mixtral": Target(
        "MixtralForCausalLM",
        "mixtral",
        "causal",
        holds={"experts": "num_local_experts", "attention_window": "sliding_window"},
        implies={"experts_per_token": 2},
        because="it makes the gates add up to 1, so that of a single expert would be 1 and not its probability",
        fixed={"num_experts_per_tok": 2},
        inert={"output_router_logits": False, "router_aux_loss_coef": 0.0, "router_jitter_noise": 0.0},
    ),
    "eurobert": Target("EuroBertModel", "eurobert", "full", prefix="", fixed=_NO_BIAS, inert=_EUROBERT),
    "eurobert-masked": Target(
        "EuroBertForMaskedLM", "eurobert", "full", alignment="same", fixed=_NO_BIAS, inert=_EUROBERT
    ),
    "eurobert-classifier": Target(
        "EuroBertForSequenceClassification", "eurobert", "full", classifies=True, fixed=_NO_BIAS, inert=_EUROBERT
    ),
}
"""Name -> class."""
