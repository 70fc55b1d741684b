"""Files of this machine, and what identifies their content."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from data.sources.source import SourceError


def find_local(pattern: str, root: Path) -> list[tuple[str, Path]]:
    """Files that match: name relative to `root`, where relative patterns start, and path; sorted by name.

    The name of a file means that file, also where it holds brackets or asterisks.

    '**' enters no folder through a symbolic link, so a loop of links ends.

    Raises:
        SourceError: there are none.
    """
    whole = root / Path(pattern).expanduser()
    found = [whole] if whole.is_file() else Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))
    files = sorted((os.path.relpath(path, root), path) for path in found if path.is_file())
    if not files:
        raise SourceError(f"path {pattern!r}: no file matches {whole}; mend the path or add the files")
    return files


class FileHashes:
    """sha256 of files, remembered by path, size and time of change, so that a rerun reads only what is new."""

    def __init__(self, cache: Path) -> None:
        self._file = cache / "file-hashes.json"
        try:
            self._known: dict[str, str] = json.loads(self._file.read_text())
        except (OSError, ValueError):  # none yet, or cut off: it holds nothing that cannot be computed again
            self._known = {}
        self._new = False

    def sha256(self, path: Path) -> str:
        """The hash of the file as it is now, 64 hex digits."""
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._known:
            with path.open("rb") as stream:
                self._known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
            self._new = True
        return self._known[key]

    def save(self) -> None:
        """Keeps the hashes for the next run."""
        if not self._new:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(self._known, sort_keys=True, indent=1))
        part.replace(self._file)
        self._new = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.save()


@dataclass(frozen=True)
class LocalFile:
    """A `StoredFile` of this machine."""

    name: str
    path: Path
    hashes: FileHashes

    def identity(self) -> list[Any]:
        """Hash and size."""
        return [self.hashes.sha256(self.path), self.path.stat().st_size]

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Opens it, and compares at the end what the system says of it."""
        try:
            stream = self.path.open("rb")
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be opened ({error.strerror})") from error
        with stream:
            before = _state(os.fstat(stream.fileno()))
            yield stream
        if not self.path.exists() or _state(self.path.stat()) != before:
            raise SourceError(f"{self.name}: it changed while it was read; run again when it is whole")


def _state(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
