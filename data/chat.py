"""Conversations: turns with roles, and the tokens they are laid out in.

A conversation is `[bos]`, then one turn after another: `[system] text [end_of_turn]`, `[user] text [end_of_turn]`,
`[assistant] text [eos]`. A reply ends in eos, whether or not the conversation goes on: who writes it cannot know, and
generation has one mark to stop at. Roles are special ids, so no text that somebody types can open a turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from data.packing import Ints
from data.vocabulary import SPECIALS

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = get_args(Role)
_OTHER_NAMES: dict[str, Role] = {"human": "user", "gpt": "assistant", "bot": "assistant"}
"""As ShareGPT's files call them."""


class EmptyTurnError(ValueError):
    """Somebody says nothing."""


@dataclass(frozen=True)
class Turn:
    """What one side says at once."""

    role: Role
    content: str

    def as_json(self) -> dict[str, str]:
        """Returns the turn as `read_turns` takes it."""
        return {"role": self.role, "content": self.content}


def read_turns(given: Any) -> list[Turn]:
    """Reads a list of `{role, content}`, of ShareGPT's `{from, value}`, or of plain utterances that alternate.

    Turns of one role that follow each other become one.

    Raises:
        EmptyTurnError: a turn says nothing.
        ValueError: it is no such list, a role is unknown, or the system speaks later than first.
    """
    if not isinstance(given, list) or not given:
        raise ValueError(f"a conversation is a list of turns, got {json.dumps(given, ensure_ascii=False)[:80]}")
    turns: list[Turn] = []
    for number, entry in enumerate(given):
        turn = _turn(entry, number)
        if turn.role == "system" and number:
            raise ValueError(f"turn {number}: a system turn is the first of its conversation")
        if turns and turns[-1].role == turn.role:
            turn = Turn(turn.role, f"{turns.pop().content}\n{turn.content}")
        turns.append(turn)
    return turns


def turns_of(example: Mapping[str, Any]) -> list[Turn]:
    """Returns what was said before the answer of an example: its `messages`, else its input as one turn of the user."""
    messages = example["details"].get("messages")
    return read_turns(messages) if messages else [Turn("user", example["input"])]


def turns_in(text: str) -> list[Turn]:
    """Returns the turns that a text given to a model stands for: a JSON list of them, or itself said by the user.

    Raises:
        ValueError: the list is no conversation, or does not end with the user.
    """
    try:
        given = json.loads(text) if text.lstrip().startswith("[") else None
    except json.JSONDecodeError:
        given = None
    if given is None:
        return [Turn("user", text)]
    turns = read_turns(given)
    if turns[-1].role != "user":
        raise ValueError("a conversation that is to be answered ends with a turn of the user")
    return turns


def transcript(turns: Iterable[Turn]) -> str:
    """Returns the turns for people to read, a paragraph each; a single turn of the user is its text alone."""
    turns = list(turns)
    if [turn.role for turn in turns] == ["user"]:
        return turns[0].content
    return "\n".join(f"{turn.role}: {turn.content}" for turn in turns)


def fitted(turns: Sequence[tuple[Role, Ints]], room: int) -> tuple[Ints, bool] | None:
    """Returns the turns and the mark that opens the answer, in at most `room` ids, and whether anything was cut.

    The oldest turns go first, but for the system's, a question together with its reply; then the last one's end. None:
    not one token of the last turn fits.
    """
    system = [turn for turn in turns[:1] if turn[0] == "system"]
    questions = [place for place, turn in enumerate(turns) if turn[0] == "user"]
    for first in dict.fromkeys([len(system), *questions]):
        kept = [*system, *turns[first:]]
        if sum(len(ids) + 2 for _, ids in kept) + 1 <= room:
            return _joined(kept), first > len(system)
    role, last = turns[-1]
    for before in (system, []) if len(turns) > len(system) else ([],):
        left = room - 3 - sum(len(ids) + 2 for _, ids in before)
        if left > 0:
            return _joined([*before, (role, last[:left])]), True
    return None


def _joined(turns: Sequence[tuple[Role, Ints]]) -> Ints:
    marks = SPECIALS.by_name()
    ends = {"assistant": SPECIALS.eos}
    parts: list[Any] = []
    for role, ids in turns:
        parts += [[marks[role]], ids, [ends.get(role, SPECIALS.end_of_turn)]]
    return np.concatenate([*parts, [SPECIALS.assistant]]).astype(np.int64)


def _turn(entry: Any, number: int) -> Turn:
    if isinstance(entry, str):
        role, content = ("user", "assistant")[number % 2], entry
    elif isinstance(entry, Mapping):
        role, content = entry.get("role", entry.get("from")), entry.get("content", entry.get("value"))
    else:
        raise ValueError(f"turn {number}: a turn is a text or has role and content, got {type(entry).__name__}")
    role = _OTHER_NAMES.get(str(role), role)
    if role not in ROLES:
        raise ValueError(f"turn {number}: unknown role {role!r}; known: {', '.join([*ROLES, *_OTHER_NAMES])}")
    if not isinstance(content, str) or not content.strip():
        raise EmptyTurnError(f"turn {number}: a turn of {role} has no text")
    return Turn(role, content.strip())
