"""What of a store can go: artifacts that no kept run and no registered model reaches, and work that nobody does."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from flows.records import RunRecord, all_records
from flows.store import Artifact, Store

ABANDONED_SECONDS = 24 * 3600.0
"""What belongs to no recorded run is left alone for so long: one under way, or a killed one, may go on from it."""


def collect(store: Store, keep: int, registered: Collection[str], *, dry_run: bool) -> list[tuple[Path, int]]:
    """Removes what is not needed.

    Args:
        store: the store.
        keep: runs of each recipe whose artifacts stay, the latest; records of older ones go too. Artifacts of the last
            day that no record names stay with their inputs: a run is recorded when it ends.
        registered: fingerprints of artifacts that registered models were made from; they and their inputs stay.
        dry_run: remove nothing.

    Returns:
        Each folder or record with its size in bytes.
    """
    by_recipe: dict[str, list[RunRecord]] = defaultdict(list)
    for record in all_records(store.root):
        by_recipe[record.recipe].append(record)
    kept = [record for records in by_recipe.values() for record in records[:keep]]
    dropped = [record for records in by_recipe.values() for record in records[keep:]]
    artifacts = list(store.artifacts())
    recorded = {stage.fingerprint for record in (*kept, *dropped) for stage in record.stages}
    under_way = {a.fingerprint for a in artifacts if a.fingerprint not in recorded and not _old(a.folder)}
    ours = {stage.fingerprint for record in kept for stage in record.stages}
    needed = _with_inputs(artifacts, ours | under_way | set(registered))
    doomed = [artifact.folder for artifact in artifacts if artifact.fingerprint not in needed]
    doomed += [folder for folder in sorted((store.root / "work").glob("*")) if _abandoned(store, folder)]
    doomed += [page for r in dropped for page in sorted((store.root / "runs").glob(f"{r.id}.*"))]
    removed = [(path, _size(path)) for path in doomed]
    if not dry_run:
        for path in doomed:
            _remove(store, path)
    return removed


def _remove(store: Store, path: Path) -> None:
    """Removes a file or folder; a kill meanwhile leaves no half artifact behind, but abandoned work."""
    if not path.is_dir():
        path.unlink()
        return
    if path.parent.name != "work":
        (store.root / "work").mkdir(exist_ok=True)
        path = path.rename(store.root / "work" / f"{path.parent.name}-{path.name}.removed")
    shutil.rmtree(path)


def _abandoned(store: Store, folder: Path) -> bool:
    """Nobody works on it, and it is so old that nobody is likely to resume it."""
    return not store.busy(folder.name) and _old(folder)


def _old(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > ABANDONED_SECONDS


def _with_inputs(artifacts: Collection[Artifact], fingerprints: set[str]) -> set[str]:
    """The fingerprints and all that they were made from."""
    inputs = {a.fingerprint: set(a.manifest["inputs"].values()) for a in artifacts}
    reached: set[str] = set()
    waiting = set(fingerprints)
    while waiting:
        fingerprint = waiting.pop()
        reached.add(fingerprint)
        waiting |= inputs.get(fingerprint, set()) - reached
    return reached


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
