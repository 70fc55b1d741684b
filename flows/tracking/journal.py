"""What has been recorded and may not have reached MLflow yet: on disk before anything is sent.

Each process appends to a file of its own and holds a lock on it. The lock goes with the process, however it ends, so a
file that can be locked is what a dead one left behind, and the next process delivers it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

Operation = dict[str, Any]
"""One thing to tell MLflow, as JSON; `delivery.py` knows the kinds. Telling it twice changes nothing."""
_log = logging.getLogger(__name__)


class Journal:
    """The operations of this process, in order."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # Sorts by time, so that what was recorded first is delivered first.
        name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        hidden, self.path = folder / f".{name}", folder / f"{name}.jsonl"
        self._file = hidden.open("a", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        hidden.rename(self.path)  # visible only once locked

    def append(self, operation: Operation) -> None:
        """Adds one line. It survives the end of the process, though not of the machine."""
        self._file.write(json.dumps(operation, ensure_ascii=False) + "\n")
        self._file.flush()

    def keep_file(self, source: Path) -> Path:
        """Copies a file or folder into the spool, because its place may be gone when it is delivered."""
        kept = self._folder / "files" / self.path.stem / uuid.uuid4().hex / source.name
        kept.parent.mkdir(parents=True)
        if source.is_dir():
            shutil.copytree(source, kept)
        else:
            shutil.copy2(source, kept)
        return kept

    def keep_text(self, text: str, name: str) -> Path:
        """Writes a file into the spool."""
        kept = self._folder / "files" / self.path.stem / uuid.uuid4().hex / name
        kept.parent.mkdir(parents=True)
        kept.write_text(text, encoding="utf-8")
        return kept

    def clear(self) -> None:
        """Forgets everything: it has been delivered."""
        self._file.truncate(0)
        _remove_files(self.path)

    def close(self, *, delivered: bool) -> None:
        """Gives up the lock; keeps the file for another process unless all of it was delivered."""
        if delivered:
            remove(self.path)
        self._file.close()


@contextmanager
def left_behind(folder: Path) -> Iterator[dict[Path, list[Operation]]]:
    """The journals of processes that have ended, oldest first, locked for the length of the block."""
    claimed = {path: file for path in sorted(folder.glob("*.jsonl")) if (file := _claim(path)) is not None}
    try:
        yield {path: _read(path) for path in claimed}
    finally:
        for file in claimed.values():
            file.close()


def remove(path: Path) -> None:
    """Deletes a journal and the files it kept, once delivered."""
    path.unlink(missing_ok=True)
    _remove_files(path)


def _claim(path: Path) -> TextIO | None:
    try:
        file = path.open("a", encoding="utf-8")
    except FileNotFoundError:  # delivered by another process meanwhile
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if not path.exists():  # delivered between the opening and the lock
        file.close()
        return None
    return file


def _read(path: Path) -> list[Operation]:
    """The whole lines. One that is none of ours, after a machine that died while writing, costs itself only."""
    operations = []
    # The last part is empty, or half a line whose writer was killed.
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            operations.append(json.loads(line))
        except ValueError as error:
            _log.warning("%s: line %d cannot be read and is not recorded: %s", path, number, error)
    return operations


def _remove_files(path: Path) -> None:
    shutil.rmtree(path.parent / "files" / path.stem, ignore_errors=True)
