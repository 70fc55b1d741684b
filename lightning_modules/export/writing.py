"""A trained model as a folder that transformers opens: weights, configuration and tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from data.naming import look_up
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import STAGE, load_trunk
from lightning_modules.export.configuration import OURS, to_transformers
from lightning_modules.export.parameters import named_parameters
from lightning_modules.export.targets import TARGETS, Target
from lightning_modules.export.tokenizer import write_tokenizer
from lightning_modules.networks import Trunk
from lightning_modules.objectives.prefix_lm import PrefixLM
from lightning_modules.scoring.systems import open_classifier


@dataclass(frozen=True)
class Source:
    """The folders that together are a model."""

    weights: Path
    """A weights folder."""
    tokenizer: Path
    """The `tokenizer` artifact it was trained with."""
    base: Path | None = None
    """Weights folder that an adapter in `weights` belongs to."""
    labels: Sequence[str] = ()
    """Classes of a classifier, in the order of their numbers."""


def export(source: Source, target: str, output: Path) -> None:
    """Writes `source` as the class of transformers that `target` names in `TARGETS`.

    An adapter is merged into its base, in fp32. Extra tables (segments, ...) stay behind: the target reads text of one
    segment, for which their row is zero. So do dropout, which acts in training alone, and heads other than a
    classifier's.

    Args:
        source: the model.
        target: a name of `TARGETS`.
        output: folder to write; made if need be.

    Raises:
        ValueError: the target cannot hold this model, the parts do not belong together, or `output` is in use.
    """
    chosen = look_up("export target", target, TARGETS)
    if output.exists() and any(output.iterdir()):
        raise ValueError(f"{output}: is not empty; name a new folder, so that no file of another export stays in it")
    stage = json.loads((source.weights / STAGE).read_text(encoding="utf-8"))
    _check(source, stage, chosen)
    trunk = load_trunk(source.weights, source.base, merge=True)
    config = to_transformers(trunk.config, chosen)
    config[OURS]["tokenizer_sha256"] = stage["tokenizer_sha256"]
    tensors = named_parameters(trunk, chosen)
    if chosen.classifies:
        head, classes = _classifier(source, trunk)
        tensors |= head
        config |= classes
    output.mkdir(parents=True, exist_ok=True)
    write_tokenizer(source.tokenizer, output, chosen, trunk.config.max_positions)
    save_file(tensors, output / "model.safetensors", metadata={"format": "pt"})
    _write_json(output / "config.json", config)
    if chosen.attention == "causal":
        _write_json(output / "generation_config.json", _generation())


def _check(source: Source, stage: dict[str, Any], target: Target) -> None:
    trained_with, given = stage["tokenizer_sha256"], Tokenizer.load(source.tokenizer).sha256
    if trained_with != given:
        raise ValueError(
            f"{source.weights}: trained with tokenizer {trained_with[:12]}, but {source.tokenizer} is {given[:12]}"
        )
    if target.attention == "causal" and {use["objective"] for use in stage["objectives"].values()} == {PrefixLM.name}:
        raise ValueError(
            f"{source.weights}: trained by {PrefixLM.name} to read its input to both sides and then write; "
            f"{target.architecture} reads from left to right only and would answer otherwise. Export the base model"
        )


def _classifier(source: Source, trunk: Trunk) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the head's parameters, and what config.json says of it."""
    head = open_classifier(source.weights, trunk)
    if len(source.labels) != head.config.classes:
        raise ValueError(
            f"{source.weights}: its head has {head.config.classes} classes, but {len(source.labels)} labels are given"
        )
    return head.state_dict(), {
        "id2label": {str(index): label for index, label in enumerate(source.labels)},
        "label2id": {label: index for index, label in enumerate(source.labels)},
        "classifier_pooling": head.config.pooling,
    }


def _generation() -> dict[str, Any]:
    """Text or its end is written, never another special, as `lightning_modules.generation` does it."""
    return {
        "bos_token_id": SPECIALS.bos,
        "eos_token_id": SPECIALS.eos,
        "pad_token_id": SPECIALS.pad,
        "do_sample": False,
        "suppress_tokens": [index for index in SPECIALS.by_name().values() if index != SPECIALS.eos],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
