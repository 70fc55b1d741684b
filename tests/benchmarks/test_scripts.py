"""Every script runs to its end in miniature; what it prints means nothing then."""

import json
import random
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml

from benchmarks import encoding, gpu, loop, memory, objectives, ordering, rules
from benchmarks.made_up import running_text
from benchmarks.pages import RESULTS
from data.cleaning import RULES
from flows.recipe import SHIPPED

ROOT = Path(__file__).parents[2]
OURS = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py") if not path.stem.endswith("_peers"))
"""Scripts of this environment; what ends with _peers runs in that of the peers."""
WITHOUT = """
import importlib, sys
sys.modules |= dict.fromkeys(sys.argv[1].split(","))
for module in sys.argv[2:]:
    importlib.import_module(module)
"""
"""None in `sys.modules` makes an import fail."""


@pytest.fixture(autouse=True)
def pages_stay() -> None:
    before = {page: page.read_bytes() for page in RESULTS.glob("*.md")}
    yield
    assert {page: page.read_bytes() for page in RESULTS.glob("*.md")} == before


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(script, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["script", *arguments])
        assert not script.main()
        return capsys.readouterr().out

    return call


class InThisProcess:
    """Stands for a pool where processes of their own would take too long."""

    def __init__(self, workers: int, **_: object) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function, *arguments: object) -> Future[object]:
        future: Future[object] = Future()
        future.set_result(function(*arguments))
        return future


def test_gpu_compares_every_objective_and_times_every_stage(call):
    printed = call(gpu, "--quick")

    assert [name for name in running_text() if f"| {name} |" not in printed] == []
    assert [name for name in gpu.STAGES if f"| {name} | stagelm |" not in printed] == []


def test_objectives_are_timed_alone_and_together(call):
    printed = call(objectives, "--quick", "--threads", "1")

    assert [name for name in running_text() if f"| {name} |" not in printed] == []
    assert "the bound is 1.05" in printed


def test_profile_names_the_operators_of_a_step(call):
    assert "aten::mm" in call(objectives, "--quick", "--profile", "causal_lm", "--threads", "1")


def test_loop_prints_its_ratio(call, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "LENGTH", 32)

    assert "stagelm / bare" in call(loop, "--steps", "4", "--threads", "1")


@pytest.mark.slow
def test_memory_is_measured_for_growing_corpora(call):
    printed = call(memory, "--quick", "--workers", "1")

    assert printed.count("\n| 1 | ") == printed.count("\n| 2 | ") == 1
    assert "The bound of 1,500 MB is kept" in printed


def test_encoders_take_turns_and_ours_gives_the_ids_of_sentencepiece(call, tmp_path: Path):
    draw = random.Random(0)
    words = ["".join(draw.choices("aeioukmnrst", k=6)) for _ in range(300)]
    (tmp_path / "texts.txt").write_text("\n\n".join(" ".join(draw.choices(words, k=12)) for _ in range(300)))
    printed = call(encoding, "--english", str(tmp_path / "texts.txt"), "--vocab-sizes", "512", "--rounds", "1")

    for encoder in (encoding.OURS, encoding.MIDSTREAM):
        rows = [line for line in printed.splitlines() if line.startswith("| english") and f"| {encoder} | 1 |" in line]
        assert len(rows) == 2
        assert all(row.endswith("| 100.00% |") for row in rows)


def figures(printed: str) -> list[str]:
    """All but the line that says when and where."""
    return [line for line in printed.splitlines() if not line.startswith("Measured on ")]


def test_ordering_makes_its_runs_once(call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(ordering, "ProcessPoolExecutor", InThisProcess)
    arguments = ("--quick", "--seeds", "1", "--build", str(tmp_path))
    first = call(ordering, *arguments)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}

    assert figures(call(ordering, *arguments)) == figures(first)
    assert len(kept) == len(ordering.ARMS)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == kept


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Smoke on text made here: news, and tweets of which some are too short."""
    draw = random.Random(0)

    def text(words: int) -> str:
        return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(words))

    for name, words in (("news", range(60, 160)), ("tweets", range(20, 120))):
        rows = "".join(json.dumps({"text": text(length)}) + "\n" for length in words)
        (tmp_path / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    whole = yaml.safe_load((SHIPPED / "smoke.yaml").read_text(encoding="utf-8")) | {"finetuning": {}}
    whole["corpus"] = {"sources": {name: {"path": str(tmp_path / f"{name}.jsonl")} for name in ("news", "tweets")}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


def test_rules_are_judged_and_runs_are_made_once(call, recipe: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    off = dict.fromkeys(RULES)
    arms = {rules.ALL: off | {"length": {}, "teasers": {}}, "without length": off | {"teasers": {}}, rules.NONE: off}
    arms["without teasers"] = off | {"length": {}}
    monkeypatch.setattr(rules, "cleanings", lambda *_: arms)
    monkeypatch.setattr(rules, "ProcessPoolExecutor", InThisProcess)
    arguments = ("--quick", "--seeds", "2", "--recipe", str(recipe), "--build", str(tmp_path / "build"))
    first = call(rules, *arguments)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "build" / "runs").iterdir()}

    assert "| without teasers | " in first
    assert "changes nothing here" in first  # and was not trained
    assert set(kept) == {f"{arm}-{seed}.json" for arm in ("all", "without-length", "none") for seed in (0, 1)}
    call(rules, *arguments)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "build" / "runs").iterdir()} == kept


def test_rules_need_a_source_that_is_read(recipe: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="--held-out speeches: the recipe reads no such source; it reads news, tweets"):
        rules.pool(rules.Text(str(recipe), "speeches", "tweets"), rules.QUICK, tmp_path)


@pytest.mark.parametrize(
    ("blocked", "modules"),
    [
        ("prefect,mlflow,datasets,sentencepiece,sklearn,flows", ["gpu"]),
        ("prefect,mlflow", OURS),
    ],
    ids=["gpu", "all"],
)
def test_scripts_import_without(blocked: str, modules: list[str]):
    names = [f"benchmarks.{module}" for module in modules]
    done = subprocess.run([sys.executable, "-c", WITHOUT, blocked, *names], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
