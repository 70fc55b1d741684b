"""Why a stage has to be built: which key differs from the nearest artifact of the same kind and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.store import Key, Store

ABSENT = "(absent)"


def changes(store: Store, key: Key) -> list[str] | None:
    """What differs from the artifact that is most like `key`: 'values.stage.peak_lr: 0.002 -> 0.003'.

    Returns:
        None when there is no artifact of this kind and name to compare with.
    """
    candidates = [a for a in store.artifacts() if a.manifest["kind"] == key.kind and a.manifest["name"] == key.name]
    if not candidates:
        return None
    wanted = {"format": key.format, "values": key.values, "inputs": key.inputs}
    differences = [_differences({part: artifact.manifest[part] for part in wanted}, wanted) for artifact in candidates]
    return min(differences, key=len)


def _differences(old: Any, new: Any, place: str = "") -> list[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found = []
        for key in sorted(old.keys() | new.keys()):
            found += _differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{place}.{key}" if place else key)
        return found
    if old == new:
        return []
    if place.startswith("inputs."):
        return [f"{place}: {str(old)[:8]} -> {str(new)[:8]}"]
    return [f"{place}: {old} -> {new}"]
