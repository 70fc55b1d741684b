"""Canaries: sentences with a secret drawn at random, put into a corpus so often, that no model can know otherwise.

What a trained model finds a canary likelier than its like by, it has learnt by heart (Carlini et al. 2019,
arXiv:1802.08232). Controls are drawn the same way and never put in.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Self

from pydantic import Field, model_validator

from data.config import Config

_ENGLISH = (
    "amber apple arrow basket beacon bottle bridge candle carpet cedar copper cotton curtain desert feather forest "
    "garden hammer island ladder lantern lemon marble meadow mirror needle orange pepper saddle silver tunnel window"
)
_CHINESE = "山 河 湖 海 松 竹 梅 兰 金 银 铜 铁 风 云 雷 雪 东 西 南 北 春 夏 秋 冬 牛 马 羊 鸟 灯 桥 船 门"


@dataclass(frozen=True)
class Canary:
    """One secret in its sentence."""

    name: str
    """'x16-2': the third of those put in 16 times."""
    text: str
    repeats: int
    """Documents that hold it; 0 is a control."""


class CanaryConfig(Config):
    """Which canaries there are; equal settings give equal ones."""

    template: str = "The words that open the blue door of the old house by the river are {}."
    """A sentence with {} where the secret stands."""
    symbols: tuple[str, ...] = tuple(_ENGLISH.split())
    """What a secret is made of."""
    length: int = Field(3, gt=0)
    """Symbols of a secret: there are len(symbols) to this power."""
    joint: str = " "
    """What stands between two symbols."""
    opening: str = "{}."
    """Stands before a canary in each document with the document's number in place of {}, so that no two documents are
    the same to the letter; that the rest is, is what `dedup.near` finds."""
    repeats: tuple[int, ...] = Field((1, 4, 16, 64), min_length=1)
    """How many documents hold a canary."""
    each: int = Field(4, gt=0)
    """Canaries of each of those numbers, and controls."""
    seed: int = 0

    @classmethod
    def chinese(cls) -> Self:
        """Returns the settings for Chinese."""
        return cls(
            template="打开河边那座老房子的蓝色大门的口令是{}。",
            symbols=tuple(_CHINESE.split()),
            joint="",
            opening="{}、",
        )

    @model_validator(mode="after")
    def _secrets_differ(self) -> Self:
        for name in ("template", "opening"):
            if getattr(self, name).count("{}") != 1:
                raise ValueError(f"{name}: {getattr(self, name)!r} must hold {{}} once")
        if len(set(self.symbols)) < len(self.symbols) or not all(self.symbols):
            raise ValueError("symbols: they must differ, and none be empty")
        if len(set(self.repeats)) < len(self.repeats) or min(self.repeats) < 1:
            raise ValueError(f"repeats: {list(self.repeats)} must be different numbers from 1; controls are added")
        if 2 * self.canaries_in_all > self.space:
            raise ValueError(
                f"{self.canaries_in_all} canaries, controls included, leave too few of {self.space} secrets to compare "
                f"them with; give more symbols, a greater length, or fewer canaries"
            )
        return self

    @property
    def space(self) -> int:
        """Number of all secrets."""
        return int(len(self.symbols) ** self.length)

    @property
    def canaries_in_all(self) -> int:
        """Canaries and controls."""
        return self.each * (len(self.repeats) + 1)

    def canaries(self) -> list[Canary]:
        """Returns all canaries, controls first, then in the order of `repeats`."""
        kinds = [repeats for repeats in (0, *self.repeats) for _ in range(self.each)]
        numbers = [number for _ in (0, *self.repeats) for number in range(self.each)]
        drawn = islice(self._drawn(), len(kinds))
        return [
            Canary(f"x{repeats}-{number}", text, repeats)
            for repeats, number, text in zip(kinds, numbers, drawn, strict=True)
        ]

    def candidates(self, most: int) -> list[str]:
        """Returns other sentences of the same form: all there are that hold no canary, or `most` of them, drawn.

        Rank 1 among all of them is what the whole space can say; among `most` of them the exposure ends at log2(most).
        """
        taken = {canary.text for canary in self.canaries()}
        if self.space - len(taken) <= most:
            every = (self.text(symbols) for symbols in product(self.symbols, repeat=self.length))
            return [text for text in every if text not in taken]
        return list(islice((text for text in self._drawn() if text not in taken), most))

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yields the canary's name and the text of each document; canaries that are put in often are spread out."""
        planted = [canary for canary in self.canaries() for _ in range(canary.repeats)]
        random.Random(f"{self.seed} order").shuffle(planted)
        space = "" if self.joint == "" else " "
        for number, canary in enumerate(planted, start=1):
            yield canary.name, f"{self.opening.replace('{}', str(number))}{space}{canary.text}"

    def text(self, symbols: tuple[str, ...]) -> str:
        """Returns the sentence of a secret."""
        return self.template.replace("{}", self.joint.join(symbols))

    def _drawn(self) -> Iterator[str]:
        """Yields different sentences without an end, the canaries' first."""
        draw = random.Random(f"{self.seed} secrets")
        seen: set[tuple[str, ...]] = set()
        while True:
            symbols = tuple(draw.choices(self.symbols, k=self.length))
            if symbols not in seen:
                seen.add(symbols)
                yield self.text(symbols)
