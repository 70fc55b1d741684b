"""The rooms know each other in one direction, and each outside library has one door.

The files are read, not imported, so that an import inside a function counts as one.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "flows", "lightning_modules")
FILES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imports(file: str) -> set[str]:
    """Dotted names of all that `file` imports, anywhere in it; `from a import b` gives both `a` and `a.b`."""
    return set(_imported(ast.parse((ROOT / file).read_text(encoding="utf-8"))))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the full name, not a relative one"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches(imported: set[str], package: str) -> set[str]:
    return {name for name in imported if name == package or name.startswith(package + ".")}


def importers(package: str) -> list[str]:
    return [file for file in FILES if reaches(imports(file), package)]


@pytest.mark.parametrize(
    ("folder", "unknown"),
    [
        ("data/", "lightning_modules"),
        ("data/", "flows"),
        ("data/", "torch.distributed"),
        ("data/", "pytorch_lightning"),
        ("lightning_modules/", "flows"),
        ("lightning_modules/networks/", "lightning_modules.objectives"),
        ("lightning_modules/metrics/", "lightning_modules.networks"),
        ("lightning_modules/metrics/", "lightning_modules.module"),
    ],
)
def test_folder_never_imports(folder: str, unknown: str):
    wrong = {
        file: sorted(found) for file in FILES if file.startswith(folder) and (found := reaches(imports(file), unknown))
    }

    assert not wrong


@pytest.mark.parametrize(
    ("library", "door"),
    [("mlflow", "flows/tracking/"), ("prefect", "flows/"), ("sentencepiece", "data/tokenizer/"), ("numba", "data/")],
)
def test_library_has_one_door(library: str, door: str):
    assert [file for file in importers(library) if not file.startswith(door)] == []


def test_nothing_imports_the_second_copy_of_lightning():
    assert importers("lightning") == []


IMPORT_WITH_BLOCKED = """
import importlib, sys

_, blocked, *modules = sys.argv

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked.split(","):
            raise ModuleNotFoundError(f"{name} is blocked by the test", name=name)

sys.meta_path.insert(0, Blocker())
for module in modules:
    importlib.import_module(module)
"""


def test_data_and_lightning_modules_import_without_prefect_mlflow_and_datasets():
    modules = [
        file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for file in FILES
        if not file.startswith("flows/") and not file.endswith("__main__.py")
    ]
    command = [sys.executable, "-c", IMPORT_WITH_BLOCKED, "prefect,mlflow,datasets,flows", *modules]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
