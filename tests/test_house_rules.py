"""Rules of the house that a machine can hold."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "flows", "lightning_modules", "tests")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TEXTS = sorted(
    path
    for pattern in ("*", ".ci/*", "docs/**/*", *(f"{room}/**/*" for room in ROOMS))
    for path in ROOT.glob(pattern)
    if path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".j2", ".html"} or path.name in {"Makefile", "run"}
    if path.is_file()
)
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
OF_ONE_MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|mnt)/\w+")
PACKAGE_INDEX = re.compile(r"pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_400_lines():
    lengths = {place(path): len(text_of(path).splitlines()) for path in SOURCES}

    assert {file: length for file, length in lengths.items() if length > 400} == {}


def test_every_file_is_named_for_what_is_in_it():
    assert [place(path) for path in SOURCES if path.stem in NAMELESS] == []


def test_no_text_names_a_path_of_one_machine_or_a_package_index():
    found = {
        place(path): OF_ONE_MACHINE.findall(text_of(path)) + PACKAGE_INDEX.findall(text_of(path)) for path in TEXTS
    }

    assert {file: names for file, names in found.items() if names} == {}


def test_version_is_the_newest_entry_of_the_changelog():
    version = re.search(r'^version = "(.+)"$', text_of(ROOT / "pyproject.toml"), re.MULTILINE)
    newest = re.search(r"^## \[(.+?)\]", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)

    assert version is not None
    assert newest is not None
    assert newest[1] == version[1]
