"""The store: artifacts whole or not at all, one builder at a time, found again by fingerprint."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from flows.changes import changes
from flows.store import Key, Store, StoreError

KEY = Key("weights", "foundation", 1, {"stage": {"peak_lr": 0.002}}, {"tokens": "aa" * 32})


def build(store: Store, key: Key = KEY, text: str = "content", refresh: bool = False) -> None:
    with store.building(key, refresh=refresh) as work:
        if not work.reused:
            (work.output / "sub").mkdir()
            (work.output / "sub" / "file.txt").write_text(text)
            work.counts = {"words": len(text.split())}
            work.record["run"] = "r1"


def test_fingerprint_depends_on_values_inputs_and_format_but_not_on_the_name(tmp_path: Path) -> None:
    assert replace(KEY, name="other").fingerprint == KEY.fingerprint
    changed = [replace(KEY, format=2), replace(KEY, values={}), replace(KEY, inputs={}), replace(KEY, kind="scores")]
    assert len({key.fingerprint for key in [KEY, *changed]}) == 5


def test_fingerprint_of_a_fixed_key_is_frozen() -> None:
    assert KEY.fingerprint == "e948db91c2c47bd620e77848c1749e670c41bf310df55dff3d048a8263031421"


def test_an_artifact_is_found_with_its_manifest_and_leaves_no_work(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.find("weights", KEY.fingerprint) is None
    build(store)
    found = store.find("weights", KEY.fingerprint)
    assert found is not None
    assert found.folder == tmp_path / "weights" / f"foundation-{KEY.fingerprint[:8]}"
    assert found.manifest["files"] == {
        "sub/file.txt": {
            "bytes": 7,
            "sha256": "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73",
        }
    }
    assert found.record["run"] == "r1"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_second_build_finds_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    build(store)
    with store.building(KEY) as work:
        assert work.reused


def test_refresh_replaces_an_artifact_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    build(store, text="old")

    def fails_midway() -> None:
        with store.building(KEY, refresh=True) as work:
            (work.output / "half").write_text("new")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fails_midway()
    found = store.find("weights", KEY.fingerprint)
    assert found is not None and (found.folder / "sub/file.txt").read_text() == "old"
    build(store, text="new", refresh=True)
    found = store.find("weights", KEY.fingerprint)
    assert found is not None and (found.folder / "sub/file.txt").read_text() == "new"


@pytest.mark.parametrize("killed_at", ["rename", "rmtree"])
def test_refresh_works_again_after_a_kill_among_the_last_steps_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    store, work = Store(tmp_path), tmp_path / "work" / KEY.fingerprint
    build(store, text="old")
    with monkeypatch.context() as patch:

        def killed(path: Path, *arguments: object, **named: object) -> None:
            if path.name.startswith(KEY.fingerprint) and path.exists():
                (path / "checkpoint").unlink(missing_ok=True)
                raise KeyboardInterrupt
            real(path, *arguments, **named)

        owner = shutil if killed_at == "rmtree" else Path
        real = getattr(owner, killed_at)
        patch.setattr(owner, killed_at, killed)
        with pytest.raises(KeyboardInterrupt), store.building(KEY, refresh=True) as begun:
            (begun.folder / "checkpoint").write_text("step 40")
    if killed_at == "rmtree":
        assert not work.exists(), "half a checkpoint would be gone on from"
    build(store, text="new", refresh=True)
    found = store.find("weights", KEY.fingerprint)
    assert found is not None and (found.folder / "sub/file.txt").read_text() == "new"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_failed_build_is_no_artifact_and_its_output_does_not_leak_into_the_next(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fails() -> None:
        with store.building(KEY) as work:
            (work.output / "stray").write_text("x")
            work.remember(tracking_run="abc")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fails()
    assert store.find("weights", KEY.fingerprint) is None
    with store.building(KEY) as work:
        assert work.recall() == {"tracking_run": "abc"}
        assert list(work.output.iterdir()) == []


def test_equal_first_eight_digits_do_not_confuse_two_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    other = replace(KEY, values={"other": True})
    prints = {str(KEY.values): "0" * 64, str(other.values): "0" * 8 + "1" * 56}
    monkeypatch.setattr(Key, "fingerprint", property(lambda key: prints[str(key.values)]))
    build(store, KEY, "first")
    build(store, other, "second")
    found = store.find("weights", other.fingerprint)
    assert found is not None and (found.folder / "sub/file.txt").read_text() == "second"
    assert found.folder.name == "foundation-0000000011111111"


def test_an_artifact_changed_from_outside_is_refused_by_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    build(store)
    found = store.find("weights", KEY.fingerprint)
    assert found is not None
    (found.folder / "sub/file.txt").write_text("longer content")
    with pytest.raises(StoreError, match=r"sub/file.txt: 14 bytes, but the manifest says 7"):
        store.find("weights", KEY.fingerprint)


def test_a_full_disk_is_one_clear_error_and_leaves_no_artifact(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with (
        pytest.raises(StoreError, match=r"No space left on device while building weights 'foundation'"),
        store.building(KEY),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "x"))
    assert store.find("weights", KEY.fingerprint) is None


def test_a_file_size_limit_ends_a_build_with_a_store_error(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import resource, signal
        from pathlib import Path
        from flows.store import Key, Store, StoreError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            with Store(Path({str(tmp_path)!r})).building(Key("corpus", "c", 1, {{}}, {{}})) as work:
                (work.output / "big").write_bytes(b"x" * 20_000)
        except StoreError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "File too large while building corpus 'c'" in done.stdout
    assert not list((tmp_path / "corpus").glob("*"))


def test_two_builders_of_one_artifact_build_it_once(tmp_path: Path) -> None:
    store, built, waited, entered = Store(tmp_path), [], [], threading.Event()
    release = threading.Event()

    def first() -> None:
        with store.building(KEY) as work:
            entered.set()
            assert release.wait(30)
            (work.output / "f").write_text("x")
            built.append(1)

    def second() -> None:
        def on_wait(holder: str) -> None:
            waited.append(holder)
            release.set()

        with store.building(KEY, on_wait=on_wait) as work:
            assert work.reused

    one = threading.Thread(target=first)
    one.start()
    assert entered.wait(30)
    two = threading.Thread(target=second)
    two.start()
    one.join(30)
    two.join(30)
    assert built == [1]
    assert waited == [f"process {os.getpid()} on {os.uname().nodename}"]


def test_a_killed_builder_frees_its_lock_and_the_next_one_finishes(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from flows.store import Key, Store
        key = Key("weights", "foundation", 1, {KEY.values!r}, {KEY.inputs!r})
        with Store(Path({str(tmp_path)!r})).building(key) as work:
            (work.output / "half").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.find("weights", KEY.fingerprint) is None
    build(store)
    found = store.find("weights", KEY.fingerprint)
    assert found is not None and list(found.manifest["files"]) == ["sub/file.txt"]


def test_rebuilding_gives_the_same_manifest_to_the_byte(tmp_path: Path) -> None:
    manifests = []
    for name in ("a", "b"):
        build(Store(tmp_path / name))
        found = Store(tmp_path / name).find("weights", KEY.fingerprint)
        assert found is not None
        manifests.append((found.folder / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]
    assert json.loads(manifests[0])["counts"] == {"words": 1}


def test_changes_names_the_keys_that_differ_from_the_nearest_artifact(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert changes(store, KEY) is None
    build(store, replace(KEY, values={"far": 1}))
    build(store)
    wanted = replace(KEY, values={"stage": {"peak_lr": 0.003}}, inputs={"tokens": "bb" * 32})
    assert changes(store, wanted) == ["inputs.tokens: aaaaaaaa -> bbbbbbbb", "values.stage.peak_lr: 0.002 -> 0.003"]
