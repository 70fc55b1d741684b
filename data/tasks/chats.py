"""Examples out of conversations: what was said, and the reply that ends it.

A row of a file is a conversation in one of these forms: a list of utterances that alternate; an object with a list of
turns (`messages`, `conversations` or `turns`, each turn `{role, content}` or `{from, value}` or a text); or an object
with `instruction`, perhaps `input`, and `output`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import yaml

from data.chat import EmptyTurnError, Turn, read_turns, transcript
from data.sources.formats.compression import COMPRESSIONS, decompressed
from data.sources.source import SourceError
from data.tasks.base import Example, LabelledSource

_LISTS = ("messages", "conversations", "turns")


class ChatSource(LabelledSource):
    """What a conversation becomes."""

    system: str | None = None
    """Said first, by the system, in conversations where it says nothing itself."""
    joined: bool = False
    """Take the spaces out of what is said: Chinese that is stored word by word."""

    def from_rows(self, rows: Iterable[Any], name: str) -> Iterator[Example]:
        """Turns conversations into examples whose answer is the last reply of the assistant.

        What follows that reply is left out; a conversation without any, or with a turn that says nothing, gives an
        empty example, which is counted.

        Raises:
            SourceError: a row is no conversation.
        """
        for number, row in enumerate(rows, start=1):
            try:
                turns = [self._tidied(turn) for turn in read_turns(_turn_list(row))]
            except EmptyTurnError:
                turns = []
            except ValueError as error:
                raise SourceError(f"{name}: conversation {number}: {error}") from error
            while turns and turns[-1].role != "assistant":
                turns.pop()
            if len(turns) < 2:
                yield Example("", "", group="")
                continue
            *before, reply = turns
            if self.system is not None and before[0].role != "system":
                before.insert(0, Turn("system", self.system))
            asked = transcript(before)
            messages = [turn.as_json() for turn in before]
            yield Example(asked, reply.content, group=before[-1].content, details={"messages": messages})

    def _tidied(self, turn: Turn) -> Turn:
        return Turn(turn.role, "".join(turn.content.split())) if self.joined else turn


def read_conversations(stream: BinaryIO, name: str) -> list[Any]:
    """Reads the rows of a file: `.jsonl`, `.json` with a list, or `.yml`, whose list is under `conversations`.

    Raises:
        SourceError: it is none of these, or not what its name says.
    """
    stem = name
    for suffix in COMPRESSIONS:
        stem = stem.removesuffix(suffix)
    kind = stem.rpartition(".")[2]
    try:
        text = decompressed(stream, name).read().decode("utf-8-sig")
        match kind:
            case "jsonl":
                rows = [json.loads(line) for line in text.split("\n") if line.strip()]
            case "json":
                rows = json.loads(text)
            case "yml" | "yaml":
                loaded = yaml.safe_load(text)
                rows = loaded["conversations"] if isinstance(loaded, dict) else loaded
            case _:
                raise SourceError(f"{name}: unknown format of conversations; give .jsonl, .json or .yml")
    except (ValueError, KeyError, yaml.YAMLError, OSError, EOFError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{name}: not readable as {kind}: {' '.join(str(error).split())}") from error
    if not isinstance(rows, list):
        raise SourceError(f"{name}: holds no list of conversations")
    return rows


def _turn_list(row: Any) -> Any:
    if not isinstance(row, Mapping):
        return [said if isinstance(said, Mapping) else str("" if said is None else said) for said in row or ()]
    for field in _LISTS:
        if field in row:
            return row[field]
    if "instruction" in row and "output" in row:
        asked = "\n".join(str(row[field]) for field in ("instruction", "input") if row.get(field))
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]
    keys = ", ".join(map(str, row)) or "no keys"
    raise ValueError(f"an object with {keys}; give one of {', '.join(_LISTS)}, or instruction and output")
