"""The page on adding an objective is true: what it shows is added to a copy of the project, and tested there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to-add-an-objective.md"
FILE = re.compile(r"^\*\*`(.+?)`\*\*\n\n```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPE = re.compile(r"^```yml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CURVES = Path("tests", "lightning_modules", "objectives", "golden_curves.json")
TESTS = (
    *("tests/data/views/test_index.py", "tests/lightning_modules/objectives/test_index.py", "tests/test_indices.py"),
    "tests/lightning_modules/objectives/test_golden_curves.py",
)
LOAD = "import sys; from flows.recipe import load_recipe; print(load_recipe(sys.argv[1], {}).pretraining.stages)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with what the page adds."""
    copy = tmp_path_factory.mktemp("project")
    for room in ("data", "flows", "lightning_modules", "tests"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, language, text in FILE.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            (copy / name).write_text(text, encoding="utf-8")
        else:
            insert(copy / name, text)
    return copy


def insert(file: Path, changes: str) -> None:
    """Puts every line that is marked + behind the one it is shown behind."""
    text = file.read_text(encoding="utf-8")
    before = ""
    for line in changes.splitlines():
        if line.startswith("+"):
            assert text.count(f"{before}\n") == 1, f"{file}: {before!r}"
            text = text.replace(f"{before}\n", f"{before}\n{line[1:]}\n")
        before = line[1:]
    file.write_text(text, encoding="utf-8")


def python(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "STAGELM_RECORD_CURVES": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pages_objective_passes_its_tests_and_those_of_every_objective(project: Path):
    own = [name for name, _, _ in FILE.findall(PAGE.read_text(encoding="utf-8")) if name.startswith("tests/")]
    python(project, "-m", "pytest", "-p", "no:cacheprovider", *own, *TESTS, "-k", "shuffled_token or index")

    kept = json.loads((project / CURVES).read_text(encoding="utf-8"))
    curve = kept.pop("shuffled_token")["shuffled_token/loss"]
    assert sum(curve[-5:]) < sum(curve[:5])
    assert kept == json.loads((ROOT / CURVES).read_text(encoding="utf-8"))


def test_the_pages_recipe_names_the_new_objective(project: Path):
    [fragment] = RECIPE.findall(PAGE.read_text(encoding="utf-8"))
    demo = (project / "flows" / "recipes" / "demo.yaml").read_text(encoding="utf-8")
    head, tail = demo.split("\npretraining:\n")[0], demo[demo.index("\nfinetuning:\n") :]
    (project / "mine.yaml").write_text(f"{head}\n{fragment}{tail}", encoding="utf-8")

    assert "ObjectiveUse(objective='shuffled_token', share=0.5, weight=10.0, rate=0.2)" in python(
        project, "-c", LOAD, "mine.yaml"
    )
