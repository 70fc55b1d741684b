"""What gc takes from a store, and what it leaves."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.collecting import ABANDONED_SECONDS, collect
from flows.records import RunRecord, StageOutcome
from flows.store import Key, Store
from tests.flows.conftest import tree


def artifact(store: Store, kind: str, name: str, **inputs: str) -> str:
    """Builds one with a file of 1,000 bytes; returns its fingerprint."""
    key = Key(kind, name, 1, {}, {"itself": name, **inputs})
    with store.building(key) as work:
        (work.output / "content").write_bytes(b"x" * 1000)
    return key.fingerprint


def record_run(store: Store, name: str, age_days: int, *fingerprints: str) -> None:
    moment = datetime(2026, 1, 31, tzinfo=UTC) - timedelta(days=age_days)
    stages = [
        StageOutcome(kind="weights", name="w", fingerprint=fingerprint, folder=Path("w"), reused=False, seconds=1)
        for fingerprint in fingerprints
    ]
    record = RunRecord(
        id=name, recipe="tiny", overrides={}, settings={}, derived={}, started=moment, finished=moment,
        status="completed", stages=stages,
    )  # fmt: skip
    (store.root / "runs").mkdir(exist_ok=True)
    (store.root / "runs" / f"{name}.json").write_text(record.model_dump_json())
    (store.root / "runs" / f"{name}.html").write_text("the report")


def aged(folder: Path, seconds: float) -> None:
    """Makes a folder look as if it had been changed so long ago."""
    moment = datetime.now(UTC).timestamp() - seconds
    os.utime(folder, (moment, moment))


def test_gc_keeps_what_the_latest_runs_and_the_registry_need_with_all_inputs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    corpus, old_corpus, registered_corpus = (artifact(store, "corpus", name) for name in ("c", "old", "registered"))
    new = artifact(store, "weights", "new", corpus=corpus)
    old = artifact(store, "weights", "old", corpus=old_corpus)
    registered = artifact(store, "weights", "registered", corpus=registered_corpus)
    artifact(store, "weights", "of-no-run", corpus=corpus)
    under_way = artifact(store, "corpus", "under-way")
    artifact(store, "weights", "under-way", corpus=under_way)
    record_run(store, "tiny-1", 30, old, registered)
    record_run(store, "tiny-2", 0, new)
    for age, work in ((ABANDONED_SECONDS + 60, "abandoned"), (ABANDONED_SECONDS - 600, "resumable")):
        folder = tmp_path / "work" / work
        folder.mkdir()
        aged(folder, age)
    for folder in (*tmp_path.glob("corpus/*"), *tmp_path.glob("weights/*")):
        aged(folder, 0 if folder.name.startswith("under-way") else ABANDONED_SECONDS + 60)
    before = tree(tmp_path)

    would = collect(store, 1, {registered}, dry_run=True)
    assert tree(tmp_path) == before
    removed = collect(store, 1, {registered}, dry_run=False)

    assert removed == would
    gone = {path.relative_to(tmp_path).as_posix().rpartition("-")[0] or path.name for path, _ in removed}
    assert {path.name.partition("-")[0] for path in (tmp_path / "weights").iterdir()} == {"new", "registered", "under"}
    assert {path.name.partition("-")[0] for path in (tmp_path / "corpus").iterdir()} == {"c", "registered", "under"}
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["resumable"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny-2.html", "tiny-2.json"]
    assert gone == {"weights/old", "weights/of-no-run", "corpus/old", "abandoned", "runs/tiny"}
    assert all(size > 1000 for path, size in removed if "weights" in str(path))


def test_gc_that_is_killed_leaves_no_half_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    old = artifact(store, "weights", "old")
    record_run(store, "tiny-1", 30, old)
    record_run(store, "tiny-2", 0)

    def killed(folder: Path) -> None:
        (folder / "content").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        collect(store, 1, [], dry_run=False)

    assert store.find("weights", old) is None
    assert not list(store.artifacts())
    monkeypatch.undo()
    aged(next((tmp_path / "work").iterdir()), ABANDONED_SECONDS + 60)
    collect(store, 1, [], dry_run=False)
    assert not list((tmp_path / "work").iterdir())


def test_after_gc_the_kept_run_is_still_whole(in_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(in_store.store, copied, ignore=shutil.ignore_patterns("mlartifacts", "mlflow.db", "spool"))
    store = Store(copied)
    fingerprints = {stage["fingerprint"] for stage in in_store.outcomes}
    collect(store, 1, [], dry_run=False)
    left = {found.fingerprint for found in store.artifacts()}
    assert fingerprints <= left
    assert json.loads(next((copied / "runs").glob("*.json")).read_text())["recipe"] == "tiny"
