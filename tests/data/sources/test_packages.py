import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.sources import Row, SourceError
from data.sources.archives import open_member

SETUP = "import pathlib, setuptools; pathlib.Path('{mark}').touch(); setuptools.setup(name='toy', version='1.0')"


def sdist(members: dict[str, bytes], links: tuple[tuple[str, str], ...] = ()) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return stream.getvalue()


def test_member_of_a_package_that_has_only_its_source_is_read_and_nothing_of_it_runs(
    read: Callable[..., list[Row]],
    identify: Callable[..., dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = tmp_path / "ran"
    content = sdist(
        {
            "toy-1.0/setup.py": SETUP.format(mark=ran).encode(),
            "toy-1.0/PKG-INFO": b"Metadata-Version: 1.0\nName: toy\nVersion: 1.0\n",
            "toy-1.0/toy/data.txt": "one\n二".encode(),
        }
    )
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "toy-1.0.tar.gz").write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    pinned = {"wheel": "toy==1.0", "sha256": hashlib.sha256(content).hexdigest()}

    assert [row.text for row in read(**pinned, member="toy/data.txt", unit="line")] == ["one", "二"]
    assert not ran.exists()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it was downloaded again"))
    assert len(read(**pinned, member="toy/data.txt")) == 1
    assert identify(**pinned, member="m")["sha256"] == pinned["sha256"]
    with pytest.raises(SourceError, match=r"no member 'toy/none\.txt'; it has: toy/data\.txt"):
        read(**pinned, member="toy/none.txt")


def test_another_archive_than_the_pinned_one_is_refused(
    read: Callable[..., list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy-1.0.tar.gz").write_bytes(sdist({"toy-1.0/setup.py": b"raise SystemExit('it ran')"}))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    with pytest.raises(
        SourceError, match=r"(?s)toy==1\.0: pip could not download it: .*nor as \.tar\.gz: .*Expected sha256 0000"
    ):
        read(wheel="toy==1.0", sha256="0" * 64, member="toy/data.txt")


@pytest.mark.parametrize("member", ["../outside.txt", "/etc/hostname", "link.txt", "folder"])
def test_no_name_and_no_link_leads_out_of_an_archive(tmp_path: Path, member: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    archive = tmp_path / "in" / "toy.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(sdist({"toy-1.0/a.txt": b"a"}, (("toy-1.0/link.txt", "../../outside.txt"),)))

    with pytest.raises(SourceError, match="no member"), open_member(archive, member):
        pass


def test_a_truncated_archive_is_an_error(tmp_path: Path) -> None:
    content = sdist({"toy-1.0/a.txt": bytes(range(256)) * 4000, "toy-1.0/b.txt": b"b"})
    (tmp_path / "toy.tar.gz").write_bytes(content[: len(content) // 2])

    with (
        pytest.raises(SourceError, match=r"not a whole \.tar\.gz archive"),
        open_member(tmp_path / "toy.tar.gz", "b.txt"),
    ):
        pass
