"""Artifacts by fingerprint: where the results of stages live, and how they get there whole or not at all.

    <root>/work/<fingerprint>/            work in progress: checkpoints, metrics.jsonl, state.json, output/
    <root>/<kind>/<name>-<8 hex>/         an artifact: the renamed output/ with manifest.json and record.json
    <root>/runs/<id>.json                 what each run used (flows/records.py)

Only a renamed folder is an artifact. `manifest.json` is content and equal to the byte whenever the stage is rebuilt;
`record.json` and `metrics.jsonl` tell when and how it was made and are not.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT_VARIABLE = "STAGELM_STORE"
RECORD_FILES = frozenset({"manifest.json", "record.json", "metrics.jsonl"})
"""Files of an artifact that its manifest does not list: itself, and what holds times."""
WAIT_SECONDS = 0.5
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a disk, a quota or a limit that is full."""


class StoreError(RuntimeError):
    """An artifact that is not what its manifest says, or a store that cannot be written."""


@dataclass(frozen=True)
class Key:
    """Everything the content of an artifact depends on, and the name people see."""

    kind: str
    name: str
    """Readable part of the folder's name; not part of the fingerprint."""
    format: int
    """Raised by hand when the meaning of the kind's content changes."""
    values: dict[str, Any]
    """Recipe values the stage uses; JSON."""
    inputs: dict[str, str]
    """Role -> fingerprint of the artifact or source read."""

    @property
    def fingerprint(self) -> str:
        """sha256 hex over kind, format, values and inputs."""
        content = {"kind": self.kind, "format": self.format, "values": self.values, "inputs": self.inputs}
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@dataclass(frozen=True)
class Artifact:
    """A finished stage."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 hex of the key."""
        return str(self.manifest["fingerprint"])

    @property
    def record(self) -> dict[str, Any]:
        """Run ids, times, host and settings chosen on the spot."""
        loaded: dict[str, Any] = json.loads((self.folder / "record.json").read_text())
        return loaded


@dataclass
class Work:
    """A stage being built, or found: `artifact` is set as soon as there is one."""

    key: Key
    folder: Path
    artifact: Artifact | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    """Goes into the manifest: must be equal whenever the stage is rebuilt."""
    record: dict[str, Any] = field(default_factory=dict)
    """Goes into record.json."""

    @property
    def reused(self) -> bool:
        """Whether there is nothing to do."""
        return self.artifact is not None

    @property
    def output(self) -> Path:
        """Where the stage writes its files; becomes the artifact's folder."""
        return self.folder / "output"

    @property
    def replaced(self) -> Path:
        """Where the artifact goes that this one takes the place of, until all of the work is removed."""
        return self.folder / "replaced"

    def recall(self) -> dict[str, Any]:
        """What `remember` kept, also across a kill: the tracking run that a resumed stage continues."""
        path = self.folder / "state.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def remember(self, **values: Any) -> None:
        """Adds to what a resumed stage will recall."""
        write_atomically(self.folder / "state.json", json.dumps({**self.recall(), **values}, sort_keys=True))


class Store:
    """The folder of all artifacts of a project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls, project: Path) -> Store:
        """The store that `STAGELM_STORE` names, or `runs/` of the project."""
        named = os.environ.get(ROOT_VARIABLE)
        return cls(Path(named).expanduser().resolve() if named else project / "runs")

    def find(self, kind: str, fingerprint: str) -> Artifact | None:
        """Returns the artifact, or None when it has not been built.

        Raises:
            StoreError: a file of it is missing or has another size: something outside changed the store.
        """
        for folder in sorted((self.root / kind).glob(f"*-{fingerprint[:8]}*")):
            manifest = _read_manifest(folder)
            if manifest["fingerprint"] != fingerprint:
                continue
            for name, entry in manifest["files"].items():
                path = folder / name
                size = path.stat().st_size if path.exists() else None
                if size != entry["bytes"]:
                    given = "missing" if size is None else f"{size} bytes"
                    raise StoreError(
                        f"{path}: {given}, but the manifest says {entry['bytes']} bytes; the artifact was changed from "
                        f"outside: remove {folder} and run again"
                    )
            return Artifact(folder, manifest)
        return None

    @contextmanager
    def building(
        self, key: Key, *, refresh: bool = False, on_wait: Callable[[str], None] = lambda holder: None
    ) -> Iterator[Work]:
        """Gives the work on one artifact to one process at a time, and publishes it when the block ends well.

        Args:
            key: what is to be there.
            refresh: build even if there is one already; it is replaced when the new one is whole.
            on_wait: told who holds the lock, once, when another process is building the same artifact.

        Raises:
            StoreError: the disk is full, or the store cannot be written.
        """
        found = None if refresh else self.find(key.kind, key.fingerprint)
        folder = self.root / "work" / key.fingerprint
        if found is not None:
            yield Work(key, folder, artifact=found)
            return
        with self._lock(key, on_wait):
            found = None if refresh else self.find(key.kind, key.fingerprint)
            if found is not None:  # built by another process while this one waited
                yield Work(key, folder, artifact=found)
                return
            work = Work(key, folder)
            # A killed process left half an output, or what it had put another one in the place of.
            shutil.rmtree(work.output, ignore_errors=True)
            shutil.rmtree(work.replaced, ignore_errors=True)
            work.output.mkdir(parents=True)
            try:
                yield work
                self._publish(work)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                place = error.filename or self.root
                raise StoreError(
                    f"{place}: {error.strerror} while building {key.kind} '{key.name}'; nothing half-made was left; "
                    f"make room under {self.root} (stagelm gc), or set {ROOT_VARIABLE} to another disk, and run again"
                ) from error

    def _publish(self, work: Work) -> None:
        """Makes the output an artifact: hashes, syncs, renames."""
        files = {}
        for path in sorted(p for p in work.output.rglob("*") if p.is_file()):
            name = path.relative_to(work.output).as_posix()
            if name not in RECORD_FILES:
                files[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path, sync=True)}
        manifest = {
            "kind": work.key.kind,
            "name": work.key.name,
            "format": work.key.format,
            "fingerprint": work.key.fingerprint,
            "values": work.key.values,
            "inputs": work.key.inputs,
            "counts": work.counts,
            "files": files,
        }
        metrics = work.folder / "metrics.jsonl"
        if metrics.exists():
            shutil.copyfile(metrics, work.output / "metrics.jsonl")
        host = {"host": socket.gethostname(), "finished": time.time()}
        write_atomically(work.output / "record.json", json.dumps({**work.record, **host}, indent=1, sort_keys=True))
        write_atomically(
            work.output / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
        )
        folder = self.root / work.key.kind / f"{work.key.name}-{work.key.fingerprint[:8]}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        replaced = self.find(work.key.kind, work.key.fingerprint)
        if replaced is not None:
            replaced.folder.rename(work.replaced)
        if folder.exists():  # another artifact whose fingerprint begins alike
            folder = folder.with_name(f"{work.key.name}-{work.key.fingerprint[:16]}")
        work.output.rename(folder)
        sync_folder(folder.parent)
        work.artifact = Artifact(folder, manifest)
        # Out of the way first: a kill while it is removed must not leave half a checkpoint to go on from.
        done = work.folder.with_name(f"{work.folder.name}.done")
        shutil.rmtree(done, ignore_errors=True)
        work.folder.rename(done)
        shutil.rmtree(done)

    @contextmanager
    def _lock(self, key: Key, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Holds the lock of one fingerprint. The kernel frees it when its holder dies, however it dies."""
        path = self.root / "locks" / key.fingerprint
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as handle:
            told = False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not told:
                        on_wait(path.read_text() or "another process")
                        told = True
                    time.sleep(WAIT_SECONDS)
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}")
            handle.flush()
            yield

    def busy(self, fingerprint: str) -> bool:
        """Whether some process is building this fingerprint now."""
        path = self.root / "locks" / fingerprint
        if not path.exists():
            return False
        with path.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def artifacts(self) -> Iterator[Artifact]:
        """All artifacts, by kind and name."""
        for manifest in sorted(self.root.glob("*/*/manifest.json")):
            if manifest.parent.parent.name != "work":
                yield Artifact(manifest.parent, _read_manifest(manifest.parent))


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.exists():
        raise StoreError(f"{folder}: no manifest.json, so it is no artifact; remove the folder and run again")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(f"{path}: not JSON ({error}); remove {folder} and run again") from error
    return manifest


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces.

    Raises:
        TypeError: something in it is not JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def file_sha256(path: Path, *, sync: bool = False) -> str:
    """sha256 hex of a file's bytes; with `sync`, they are on the disk when this returns."""
    with path.open("rb+" if sync else "rb", buffering=0) as handle:  # file_digest reads large blocks itself
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if sync:
            os.fsync(handle.fileno())
    return digest


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file that is either the old one or the whole new one, whenever the process dies."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
