"""Source `path`: files of the project or the machine, chosen by a pattern."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from data.sources.formats import TextUnit, format_of, read_rows
from data.sources.source import Row, Source, SourceError, SourceFields


class FileConfig(SourceFields):
    """Settings of `path`."""

    path: str
    """A file, or a pattern such as 'more/**/*.jsonl.zst'; txt, jsonl, csv or parquet, plain or .gz, .xz, .bz2, .zst."""
    unit: TextUnit = "file"
    """What one document is in a txt file: all of it, a paragraph (ended by an empty line), or a line."""


class FileSource(Source[FileConfig]):
    """Reads the files in the order of their names."""

    name: ClassVar[str] = "path"
    Config: ClassVar[type[SourceFields]] = FileConfig

    def key(self) -> dict[str, Any]:
        """Names, hashes and sizes of the files."""
        hashes = FileHashes(self.cache)
        files = [[name, hashes.sha256(path), path.stat().st_size] for name, path in self._files()]
        hashes.save()
        return {"files": files}

    def rows(self) -> Iterator[Row]:
        """The documents, file after file."""
        for name, path in self._files():
            with path.open("rb") as stream:
                yield from read_rows(stream, name, self.config, self.config.unit)

    def _files(self) -> list[tuple[str, Path]]:
        """Name relative to the project -> file, sorted by name."""
        pattern = self.root / Path(self.config.path).expanduser()
        found = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
        files = sorted((os.path.relpath(path, self.root), path) for path in found if path.is_file())
        if not files:
            raise SourceError(f"path {self.config.path!r}: no file matches {pattern}; mend the path or add the files")
        for name, _ in files:
            format_of(name)
        return files


class FileHashes:
    """sha256 of files, remembered by path, size and time of change, so that a rerun reads only what is new."""

    def __init__(self, cache: Path) -> None:
        self._file = cache / "file-hashes.json"
        try:
            self._known: dict[str, str] = json.loads(self._file.read_text())
        except (OSError, ValueError):  # none yet, or cut off: it holds nothing that cannot be computed again
            self._known = {}

    def sha256(self, path: Path) -> str:
        """The hash of the file as it is now, 64 hex digits."""
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._known:
            with path.open("rb") as stream:
                self._known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._known[key]

    def save(self) -> None:
        """Keeps the hashes for the next run."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(self._known, sort_keys=True, indent=1))
        part.replace(self._file)
