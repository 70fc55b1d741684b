"""Sums and small word problems, made from a seed: exact answers, as many as are wanted, in English or Chinese."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from data.config import Count
from data.tasks.base import Example, LabelledSource, Places

Operation = Literal["add", "subtract", "multiply"]
_SIGNS: dict[Operation, str] = {"add": "+", "subtract": "-", "multiply": "*"}
_STORIES: dict[str, dict[Operation, tuple[str, ...]]] = {
    "en": {
        "add": (
            "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
            "There are {a} {things} in one box and {b} in another. How many {things} are there in all?",
        ),
        "subtract": (
            "{name} has {a} {things} and gives {b} away. How many {things} are left?",
            "Of {a} {things}, {b} are sold. How many {things} are still there?",
        ),
        "multiply": (
            "{name} buys {a} bags with {b} {things} in each. How many {things} is that?",
            "There are {a} rows of {b} {things}. How many {things} are there?",
        ),
    },
    "zh": {
        "add": (
            "{name}有{a}个{things}，又得到{b}个。现在一共有几个{things}？",
            "一箱有{a}个{things}，另一箱有{b}个。一共有几个{things}？",
        ),
        "subtract": (
            "{name}有{a}个{things}，送出{b}个。还剩几个{things}？",
            "{a}个{things}卖掉了{b}个。还有几个{things}？",
        ),
        "multiply": (
            "{name}买了{a}袋{things}，每袋{b}个。一共有几个{things}？",
            "有{a}排{things}，每排{b}个。一共有几个{things}？",
        ),
    },
}
_NAMES = {"en": ("Ann", "Ben", "Carla", "Dan", "Eve", "Fred"), "zh": ("小明", "小红", "小华", "小丽", "小刚", "小芳")}
_THINGS = {
    "en": ("apples", "books", "pencils", "eggs", "stamps", "shells"),
    "zh": ("苹果", "橘子", "鸡蛋", "玩具", "杯子", "贝壳"),
}


class Arithmetic(LabelledSource):
    """Settings of `arithmetic`. `language` is `en` or `zh`; it matters for stories only."""

    source: Literal["arithmetic"]
    language: Literal["en", "zh"] = "en"
    """Of the stories."""
    form: Literal["sums", "stories"] = "sums"
    """`sums`: '12 + 7 ='. `stories`: a sentence or two with a question."""
    operations: tuple[Operation, ...] = Field(("add", "subtract"), min_length=1)
    """Which are asked for, in equal parts; no difference is below 0."""
    largest: int = Field(99, ge=9, le=999_999)
    """Numbers are 1 to this; those of products at most its square root."""
    count: Count = Field(10_000, ge=100)
    """Problems drawn; those that were drawn before are dropped and counted."""
    seed: int = Field(0, ge=0)

    def examples(self, places: Places) -> Iterator[Example]:
        """Draws the problems one after another. A sum stays in one split, in whatever story it is told."""
        random = np.random.default_rng(self.seed)
        for number in range(self.count):
            operation = self.operations[number % len(self.operations)]
            most = int(self.largest**0.5) if operation == "multiply" else self.largest
            a, b = (int(value) for value in random.integers(1, most + 1, 2))
            if operation == "subtract":
                a, b = max(a, b), min(a, b)
            answer = {"add": a + b, "subtract": a - b, "multiply": a * b}[operation]
            bare = f"{a} {_SIGNS[operation]} {b} ="
            text = bare if self.form == "sums" else self._told(operation, a, b, random)
            yield Example(text, str(answer), group=bare)

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: everything is a setting."""
        return {}

    def _told(self, operation: Operation, a: int, b: int, random: np.random.Generator) -> str:
        story, name, things = (
            choices[int(random.integers(len(choices)))]
            for choices in (_STORIES[self.language][operation], _NAMES[self.language], _THINGS[self.language])
        )
        return story.format(name=name, things=things, a=a, b=b)
