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
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the configuration that are equal for all our networks."""


_LLAMA = {"mlp_bias": False, "pretraining_tp": 1}
_EUROBERT = {**_LLAMA, "mask_token_id": SPECIALS.mask}

TARGETS: dict[str, Target] = {
    "llama": Target("LlamaForCausalLM", "llama", "causal", fixed=_LLAMA),
    "eurobert": Target("EuroBertModel", "eurobert", "full", prefix="", fixed=_EUROBERT),
    "eurobert-masked": Target("EuroBertForMaskedLM", "eurobert", "full", alignment="same", fixed=_EUROBERT),
    "eurobert-classifier": Target(
        "EuroBertForSequenceClassification", "eurobert", "full", classifies=True, fixed=_EUROBERT
    ),
}
"""Name -> class."""
