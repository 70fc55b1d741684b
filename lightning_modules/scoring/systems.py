"""Trained networks, opened for scoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import load_trunk, read_heads
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.objectives import Objective
from lightning_modules.objectives.classification import Classification
from lightning_modules.scoring.inference import inference, target_nll
from lightning_modules.scoring.spec import SystemRef

__all__ = ["inference", "open_classifier", "open_head", "open_system", "target_nll"]


def open_system(ref: SystemRef, hardware: Hardware, tokenizer_sha256: str) -> Trunk:
    """Returns the trunk with its adapter, on its device.

    Raises:
        ValueError: it was trained with another tokenizer, or its adapter does not fit.
    """
    trained_with = json.loads((ref.weights / "stage.json").read_text(encoding="utf-8"))["tokenizer_sha256"]
    if trained_with != tokenizer_sha256:
        raise ValueError(
            f"{ref.weights}: trained with tokenizer {trained_with[:12]}, but the test set goes with "
            f"{tokenizer_sha256[:12]}; evaluate with the tokenizer of the training"
        )
    return load_trunk(ref.weights, ref.base).to(hardware.accelerator)


HeadT = TypeVar("HeadT", bound=Objective)


def open_head(weights: Path, trunk: Trunk, kind: type[HeadT]) -> HeadT:
    """Returns the trained objective of this kind, which says what its states of the trunk mean.

    Raises:
        ValueError: these weights were trained on no such objective.
    """
    uses = json.loads((weights / "stage.json").read_text(encoding="utf-8"))["objectives"]
    for name, use in uses.items():
        if use["objective"] == kind.name:
            own = {key: use[key] for key in kind.config_class.model_fields}
            head = kind(kind.config_class(**own), trunk.config, SPECIALS)
            head.load_state_dict(read_heads(weights).get(name, {}))
            return head.to(trunk.vocabulary_VD.device).eval()
    raise ValueError(f"{weights}: no head of {kind.name} here; it was trained on {', '.join(uses)}")


def open_classifier(weights: Path, trunk: Trunk) -> Classification:
    """Returns the trained head of a fine-tuned classifier.

    Raises:
        ValueError: these weights hold none.
    """
    return open_head(weights, trunk, Classification)
