"""The wheel as a user gets it, and the command line as scripts rely on it."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli import app

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "flows", "lightning_modules")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HELP = ROOT / "tests" / "command_line.txt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and this one's dependencies, but not its editable install."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    # A .pth file adds a folder, but what the .pth files of that folder add stays out: so does the editable install.
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture
def decoy(tmp_path: Path) -> Path:
    """A working folder as users have it: with things of their own under the packages' names."""
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise ImportError('this is the decoy')")
    return tmp_path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"COLUMNS": "100"}, capture_output=True, text=True, timeout=120
    )


def test_wheel_holds_every_file_of_the_rooms_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    ours = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == ours


def test_command_line_works_from_a_folder_with_decoys(installed: Path, decoy: Path):
    done = run([str(installed / "bin" / "stagelm"), "--help"], decoy)

    assert done.returncode == 0, done.stderr
    assert "Usage: stagelm" in done.stdout


def test_installed_package_reads_its_own_recipes(installed: Path, decoy: Path):
    program = "import data, flows.recipe; print(data.__file__, flows.recipe.load_recipe('demo', {}).name)"
    done = run([str(installed / "bin" / "python"), "-P", "-c", program], decoy)

    assert done.returncode == 0, done.stderr
    file, name = done.stdout.split()
    assert Path(file).is_relative_to(installed)
    assert name == "demo"


def test_training_process_ignores_decoys_in_the_working_folder(installed: Path, decoy: Path):
    program = (
        "from pathlib import Path; from flows.child import run_child; "
        "run_child('lightning_modules.train', Path('absent.json'), Path('.'), print)"
    )
    done = run([str(installed / "bin" / "python"), "-P", "-c", program], decoy)

    assert done.returncode != 0
    assert "absent.json" in done.stderr
    assert "decoy" not in done.stderr


def test_every_library_that_is_imported_is_declared():
    extras = [needs for extra, needs in PROJECT["optional-dependencies"].items() if extra != "dev"]
    declared = {
        re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")
        for requirement in (*PROJECT["dependencies"], *(need for needs in extras for need in needs))
    }
    providers = importlib.metadata.packages_distributions()
    undeclared = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for library in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - set(ROOMS):
                distributions = {name.lower().replace("_", "-") for name in providers.get(library, [library])}
                if not distributions & declared:
                    undeclared[library] = path.relative_to(ROOT).as_posix()

    assert undeclared == {}


def test_constraints_pin_what_the_tests_run_with():
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    other = {
        name: (version, have)
        for name, version in pins.items()
        if (have := installed_version(name)) is not None and have.partition("+")[0] != version
    }

    assert other == {}
    assert "lightning" not in pins


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commands_under(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and, after it, those of its group."""
    yield words, command
    for name, under in getattr(command, "commands", {}).items():
        yield from commands_under(f"{words} {name}", under)


def test_command_line_is_frozen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERMINAL_WIDTH", "100")
    pages = commands_under("stagelm", get_command(app))
    contexts = [command.make_context(words, [], resilient_parsing=True) for words, command in pages]
    shown = "\n".join(f"$ {context.info_name} --help\n{context.get_help()}\n" for context in contexts)
    if "STAGELM_FREEZE" in os.environ:
        HELP.write_text(shown, encoding="utf-8")

    assert shown == HELP.read_text(encoding="utf-8"), (
        "the command line changed; if scripts may break, say so in CHANGELOG.md and set STAGELM_FREEZE=1 once"
    )
