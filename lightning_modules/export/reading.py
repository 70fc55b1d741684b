"""Weights of a class of transformers as a weights folder that a stage starts from."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from data.vocabulary import Vocabulary
from lightning_modules.checkpoint import CONFIG, HEADS, STAGE, TRUNK
from lightning_modules.export.configuration import OURS, from_transformers
from lightning_modules.export.parameters import named_parameters
from lightning_modules.export.targets import TARGETS, Target
from lightning_modules.networks import ModelConfig, Trunk

READABLE = {target.architecture: target for target in TARGETS.values() if not target.classifies}
"""Class of transformers -> the target it is."""
_PROJECTION = "lm_head.weight"


def import_weights(folder: Path, tokenizer: Path, output: Path, *, seed: int = 0) -> ModelConfig:
    """Writes the weights in `folder` as a weights folder, in fp32.

    Weights mean nothing without the tokenizer they were trained with, and it must be one of ours (its specials are
    where objectives look for them). An export of ours names it, and another one is refused; of any other checkpoint the
    caller vouches for it, and only its size can be checked.

    Args:
        folder: config.json and *.safetensors, as `save_pretrained` leaves them.
        tokenizer: the `tokenizer` artifact of these weights.
        output: weights folder to write; made if need be.
        seed: draws what the checkpoint does not have: the segment table.

    Returns:
        The network.

    Raises:
        ValueError: something in it has no place in our networks, or the tokenizer is another one.
    """
    place = folder / "config.json"
    fields = json.loads(place.read_text(encoding="utf-8"))
    named = fields.get("architectures") or ["none"]
    if named[0] not in READABLE:
        raise ValueError(f"{place}: architecture {named[0]}; known: {', '.join(READABLE)}")
    target = READABLE[named[0]]
    recorded = fields.get(OURS, {}).pop("tokenizer_sha256", None)
    config = from_transformers(fields, target, place)
    sha256 = _check_tokenizer(tokenizer, config, recorded, place)
    trunk = Trunk(config, seed)
    _load(named_parameters(trunk, target), _tensors(folder, target), folder)
    output.mkdir(parents=True, exist_ok=True)
    (output / CONFIG).write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    save_file(trunk.state_dict(), output / TRUNK)
    save_file({}, output / HEADS)
    stage = {
        "name": f"import/{target.architecture}",
        "steps": 0,
        "tokens": 0,
        "flops": 0,
        "objectives": {},
        "validation": {},
        "tokenizer_sha256": sha256,
    }
    (output / STAGE).write_text(json.dumps(stage, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    return config


def _check_tokenizer(tokenizer: Path, config: ModelConfig, recorded: str | None, place: Path) -> str:
    sha256: str = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["sha256"]
    if recorded not in (None, sha256):
        raise ValueError(f"{place}: trained with tokenizer {recorded[:12]}, but {tokenizer} is {sha256[:12]}")
    size = Vocabulary.load(tokenizer).size
    if size != config.vocab_size:
        raise ValueError(f"{place}: has {config.vocab_size:,} tokens, but {tokenizer} has {size:,}")
    return sha256


def _tensors(folder: Path, target: Target) -> dict[str, Tensor]:
    """Returns all tensors by their names; the output projection is left out where it is the token table."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder}: no *.safetensors; save with `save_pretrained`, no other format is read")
    tensors = {name: tensor for file in files for name, tensor in load_file(file).items()}
    projection = tensors.pop(_PROJECTION, None)
    table = tensors.get(target.prefix + "embed_tokens.weight")
    if projection is not None and (table is None or not torch.equal(projection, table)):
        raise ValueError(
            f"{folder}: {_PROJECTION} is not the token table; our networks tie the two, so these weights have no place"
        )
    return tensors


def _load(parameters: dict[str, Tensor], tensors: dict[str, Tensor], folder: Path) -> None:
    """Copies the tensors into the parameters, after finding that names and shapes are the same."""
    problems = {
        "no place for": sorted(tensors.keys() - parameters.keys()),
        "missing": sorted(parameters.keys() - tensors.keys()),
        "of another shape than config.json says": sorted(
            name for name in parameters.keys() & tensors.keys() if parameters[name].shape != tensors[name].shape
        ),
    }
    if found := [f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names]:
        raise ValueError(f"{folder}: {'; '.join(found)}")
    for name, parameter in parameters.items():
        parameter.copy_(tensors[name])
