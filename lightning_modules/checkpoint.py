"""Weights on disk: what a stage hands on, and what it resumes from.

A *weights folder* is a finished stage: config.json (the network), model.safetensors (the trunk, by Llama's parameter
names), heads.safetensors ('<objective>.<parameter>', the name being the one it has in its stage) and stage.json (what
the stage was). After training with an adapter that keeps its base, adapter.safetensors and adapter.json take the place
of model.safetensors. The same training gives the same bytes.

A *checkpoint* is Lightning's own, of a stage under way: with the optimizer, the controller and the position.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lightning_modules.adapters import read_adapter, weights_sha256, write_adapter
from lightning_modules.networks import ModelConfig, Trunk

if TYPE_CHECKING:
    from lightning_modules.module import StageModule
    from lightning_modules.spec import TrainSpec

CONFIG, TRUNK, HEADS, STAGE = "config.json", "model.safetensors", "heads.safetensors", "stage.json"
LAST = Path("checkpoints/last.ckpt")
"""Of a stage under way, in its work folder."""
TRAINING_ONLY = {"dropout", "capacity_factor", "router_jitter", "router_balance_weight", "router_z_weight"}
"""Fields of a network that weights do not depend on: a stage may have others than the one before."""


def read_config(folder: Path) -> ModelConfig:
    """Returns the network of a weights folder."""
    return ModelConfig.model_validate_json((folder / CONFIG).read_text(encoding="utf-8"))


def load_trunk(folder: Path, base: Path | None = None, *, merge: bool = False) -> Trunk:
    """Returns the trunk of a weights folder, in evaluation mode.

    Args:
        folder: a weights folder.
        base: the one it was adapted from; needed where `folder` holds an adapter, which is then part of the trunk.
        merge: write the adapter into the base's weights, so that the trunk has the base's parameters and no others.

    Raises:
        ValueError: the adapter belongs to another base, or its base is not given.
    """
    trunk = Trunk(read_config(folder))
    if (folder / TRUNK).exists():
        trunk.load_state_dict(load_file(folder / TRUNK))
    elif base is None:
        raise ValueError(f"{folder} holds an adapter: give the weights folder it was trained from as well")
    else:
        trunk.load_state_dict(load_file(base / TRUNK))
        adapter = read_adapter(folder, trunk, weights_sha256(base))
        if merge:
            adapter.merge(trunk)
    return trunk.eval()


def read_heads(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Returns name of the objective in its stage -> its heads' parameters; an objective without heads is left out."""
    heads: dict[str, dict[str, Tensor]] = {}
    for key, tensor in load_file(folder / HEADS).items():
        name, parameter = key.split(".", 1)
        heads.setdefault(name, {})[parameter] = tensor
    return heads


def hand_over(folder: Path, model: ModelConfig, trunk: Trunk, objectives: Mapping[str, nn.Module]) -> list[str]:
    """Puts the weights of a finished stage into the next one: the whole trunk, and the heads that it names.

    Args:
        folder: weights folder of the stage before.
        model: the network as the next stage has it.
        trunk: gets the trunk's weights.
        objectives: of the next stage; heads of the same name are loaded, others keep their first weights.

    Returns:
        The names of the objectives whose heads were loaded.

    Raises:
        ValueError: the folder's network, or a head in it, has other shapes than the next stage's.
    """
    saved, wanted = read_config(folder).model_dump(), model.model_dump()
    lasting = [key for key in wanted if key not in TRAINING_ONLY]
    differing = [f"{key} is {saved[key]}, not {wanted[key]}" for key in lasting if saved[key] != wanted[key]]
    if differing:
        raise ValueError(f"{folder}: these weights are of another network: {', '.join(differing)}")
    trunk.load_state_dict(load_file(folder / TRUNK))
    saved_heads = read_heads(folder)
    loaded = [name for name in heads_of(objectives) if name in saved_heads]
    for name in loaded:
        try:
            objectives[name].load_state_dict(saved_heads[name])
        except RuntimeError as error:
            raise ValueError(
                f"{folder}: the heads of {name!r} do not fit this stage; "
                f"keep its settings, or give it another name to start afresh: {error}"
            ) from error
    return loaded


def heads_of(objectives: Mapping[str, nn.Module]) -> list[str]:
    """Returns the names of the objectives that have heads."""
    return [name for name, objective in objectives.items() if objective.state_dict()]


def write_weights(module: StageModule, selection: dict[str, Any] | None = None) -> None:
    """Writes the finished stage of `module` as a weights folder to its spec's `output`.

    Args:
        module: with the weights that are kept.
        selection: how these were chosen; None: they are the last.
    """
    spec, folder = module.spec, module.spec.output
    folder.mkdir(parents=True, exist_ok=True)
    if module.adapter.replaces_trunk:
        save_file(_on_cpu(module.adapter.state(module.trunk)), folder / TRUNK)
    else:
        assert spec.init is not None  # `StageModule` has refused it
        write_adapter(folder, spec.adapter, module.adapter, module.trunk, weights_sha256(spec.init))
    parameters = {
        f"{name}.{parameter}": tensor
        for name, objective in module.objectives.items()
        for parameter, tensor in objective.state_dict().items()
    }
    save_file(_on_cpu(parameters), folder / HEADS)
    heads = heads_of(module.objectives)
    _write_json(folder / CONFIG, spec.model.model_dump(mode="json"))
    _write_json(
        folder / STAGE,
        {
            "name": spec.name,
            "steps": module.completed_steps,
            "tokens": spec.tokens_before + module.completed_positions,
            "flops": _passes(spec) * spec.stage.flops_per_position(spec.model) * module.completed_positions,
            "parameters": {
                "trunk": _size(module.trunk),
                "heads": {name: _size(module.objectives[name]) for name in heads},
                "trained": sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad),
            },
            "heads": {
                "loaded": module.loaded_heads,
                "fresh": [name for name in heads if name not in module.loaded_heads],
            },
            "objectives": {name: use.model_dump(mode="json") for name, use in spec.stage.objectives.items()},
            "validation": module.validation_metrics,
            **({} if selection is None else {"selection": selection}),
            "tokenizer_sha256": json.loads((spec.tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["sha256"],
        },
    )


class WholeFileIO(TorchCheckpointIO):
    """Lightning's checkpoint as one file that is either the old one or the new one, whenever the power goes."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Writes beside `path`, then renames."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Reads to the CPU, and tensors and plain values only: nothing in the file can run code."""
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return checkpoint


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def _passes(spec: TrainSpec) -> int:
    """How often each micro-batch goes through the network."""
    return 1 if spec.adversary is None else 2


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
