"""Adapter files: `adapter.safetensors` with the tensors, `adapter.json` with the method and the base they belong to."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, TypeAdapter
from safetensors.torch import load_file, save_file
from torch import nn

from lightning_modules.adapters.base import Adapter
from lightning_modules.adapters.choice import AdapterConfig

TENSORS, DESCRIPTION = "adapter.safetensors", "adapter.json"


def weights_sha256(folder: Path) -> str:
    """Returns the sha256 hex of a weights folder's trunk: what an adapter remembers of its base."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_adapter(folder: Path, config: BaseModel, adapter: Adapter, trunk: nn.Module, base_sha256: str) -> None:
    """Writes the two files of an adapted trunk into `folder`."""
    state = {name: tensor.cpu().contiguous() for name, tensor in adapter.state(trunk).items()}
    save_file(state, folder / TENSORS)
    description = {"method": adapter.name, "config": config.model_dump(mode="json"), "base_sha256": base_sha256}
    (folder / DESCRIPTION).write_text(json.dumps(description, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def read_adapter(folder: Path, trunk: nn.Module, base_sha256: str) -> Adapter:
    """Applies and loads the adapter in `folder` onto its base.

    Args:
        folder: holds the two files.
        trunk: the base, with its weights loaded.
        base_sha256: of the base, see `weights_sha256`.

    Raises:
        ValueError: the adapter was trained on another base, or does not fit.
    """
    description = json.loads((folder / DESCRIPTION).read_text())
    if description["base_sha256"] != base_sha256:
        raise ValueError(
            f"{folder}: this adapter belongs to base weights {description['base_sha256'][:12]}, "
            f"not to {base_sha256[:12]}; give the base it was trained on"
        )
    config: AdapterConfig = TypeAdapter(AdapterConfig).validate_python(description["config"])
    adapter = config.build()
    adapter.apply(trunk)
    adapter.load(trunk, load_file(folder / TENSORS))
    return adapter
