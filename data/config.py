"""The base of every setting that can come from outside the program."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_MULTIPLES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


class Config(BaseModel):
    """A frozen pydantic model that refuses unknown keys.

    Settings live beside what they build; a recipe is made of them, so a typo is an error that names its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse_count(value: object) -> object:
    """Reads '1.5M' as 1500000; leaves everything else to pydantic.

    Raises:
        ValueError: a text that is not a number with an optional K, M or B, or one that is not whole.
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([KMB]?)\s*", value, flags=re.IGNORECASE)
    if match is None:
        raise ValueError(f"{value!r} is not a count; write a whole number, or for example 250K, 1.5M, 2B")
    count = float(match[1].replace("_", "")) * _MULTIPLES[match[2].upper()]
    if not count.is_integer():
        raise ValueError(f"{value!r} is not a whole number")
    return int(count)


Count = Annotated[int, BeforeValidator(parse_count)]
"""A whole number that a recipe may write as 250K, 1.5M or 2B (powers of ten)."""
