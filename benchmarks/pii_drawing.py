"""What personal data is drawn with, so that one seed gives one sequence of values."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

from faker import Faker

Value = Callable[["Drawing"], str]
Form = Callable[["Drawing"], tuple[str, str]]
"""Gives what stands before the value, and the value."""

FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
"""The characters that Chinese input methods give for ASCII ones."""


class Drawing:
    """What values are drawn with; one seed gives one sequence."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.fakers = {locale: Faker(locale) for locale in ("en_US", "en_GB", "de_DE", "zh_CN")}
        for place, faker in enumerate(self.fakers.values()):
            faker.seed_instance(seed * 10 + place)

    def fake(self, locale: str, provider: str) -> str:
        """One value of a Faker provider."""
        return str(getattr(self.fakers[locale], provider)())

    def digits(self, count: int, first: str = string.digits) -> str:
        """Random digits, the first one of these."""
        return self.random.choice(first) + self.text(string.digits, count - 1)

    def text(self, alphabet: str, length: int) -> str:
        """Random characters."""
        return "".join(self.random.choices(alphabet, k=length))

    def one(self, *choices: str) -> str:
        """One of these."""
        return self.random.choice(choices)


ALPHANUMERIC = string.ascii_letters + string.digits
BASE64_URL = ALPHANUMERIC + "-_"
HEX = "0123456789abcdef"
