"""What a cell of a table holds, whether it came as a list or as text."""

import json
from typing import Any


def listed(cell: Any, separator: str | None = None) -> list[Any]:
    """Returns the parts of a cell: those of a list, of text between separators, or of a list written as JSON.

    Text that is none of these is one part, and an empty cell none.

    Raises:
        ValueError: text that starts like a list in JSON and is not one.
    """
    if isinstance(cell, list | tuple):
        return list(cell)
    text = str(cell)
    if not text.strip():
        return []
    if separator is not None:
        return [part.strip() for part in text.split(separator) if part.strip()]
    if text.lstrip().startswith("["):
        read = json.loads(text)
        return list(read)
    return [cell]
