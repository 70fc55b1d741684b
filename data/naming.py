"""Errors for names that are not in an index."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

Part = TypeVar("Part")


def look_up(kind: str, name: str, index: Mapping[str, Part]) -> Part:
    """Returns `index[name]`.

    Raises:
        ValueError: the name is unknown; the message suggests the nearest one and lists all.
    """
    if name in index:
        return index[name]
    near = difflib.get_close_matches(name, index, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(sorted(index))}")
