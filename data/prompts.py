"""From examples to prompts in tokens: one way for training, scoring and use.

`pair` is `[bos] input [sep] answer [eos]`; `chat` is what `data/chat.py` describes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data.chat import fitted, turns_of
from data.packing import Ints
from data.vocabulary import SPECIALS

if TYPE_CHECKING:
    from data.chat import Turn
    from data.tokenizer import Tokenizer

Template = Literal["pair", "chat"]
"""How a free-text answer stands behind what it answers."""

AROUND: dict[Template, int] = {"pair": 3, "chat": 2}
"""Special ids of a row that belong to neither prompt nor answer: bos and eos, and the separator of a pair."""
LEAST: dict[Template, int] = {"pair": 1, "chat": 4}
"""Positions of the shortest prompt: one token of text, in a chat with the marks of its turn and of the reply."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """What stands between bos and the answer, the separator of a pair aside."""

    ids: Ints
    cut: bool


def encode_prompts(
    template: Template,
    examples: Sequence[Mapping[str, Any]],
    tokenizer: Tokenizer,
    rooms: Sequence[int],
    threads: int = 1,
) -> list[Prompt | None]:
    """Encodes the prompts of examples, each cut to its room.

    Of a pair the input's end is cut off, of a chat its oldest turns are left out; None is a prompt of which nothing
    would be left.
    """
    if template == "chat":
        return encode_chats([turns_of(example) for example in examples], tokenizer, rooms, threads)
    encoded = tokenizer.encode_batch([example["input"] for example in examples], threads)
    return [
        Prompt(np.array(ids[:room], np.int64), len(ids) > room) if room > 0 else None
        for ids, room in zip(encoded, rooms, strict=True)
    ]


def encode_chats(
    chats: Sequence[Sequence[Turn]], tokenizer: Tokenizer, rooms: Sequence[int], threads: int = 1
) -> list[Prompt | None]:
    """Encodes conversations that are to be answered; see `encode_prompts`."""
    encoded = iter(tokenizer.encode_batch([turn.content for turns in chats for turn in turns], threads))
    prompts: list[Prompt | None] = []
    for turns, room in zip(chats, rooms, strict=True):
        found = fitted([(turn.role, np.array(next(encoded), np.int64)) for turn in turns], room)
        prompts.append(None if found is None else Prompt(*found))
    return prompts


def opening(template: Template, prompt: Ints) -> list[int]:
    """Returns all ids that a model reads before it answers."""
    return [SPECIALS.bos, *prompt.tolist(), *([SPECIALS.sep] if template == "pair" else [])]
