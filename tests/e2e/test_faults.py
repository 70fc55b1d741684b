"""kill -9 at two points of every kind of stage: no artifact is left, and the next run leaves the same bytes."""

import json
import os
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
STEPS = 60
"""Of each training; the first checkpoint is made at step 50, so a kill there finds part of the work done, part not."""
LABELS = [
    "examples/topic", "corpus/tiny", "tokenizer/tiny", "tokens/tiny", "weights/foundation",
    "finetuned/topic", "finetuned/topic-scratch", "scores/language-model", "scores/topic", "registration/tiny",
]  # fmt: skip
IN_CHILD = {"weights", "finetuned", "scores"}
"""Kinds whose work is done by a child of the stage's process: there the fault kills the child."""


def write_recipe(folder: Path) -> Path:
    """The tiny recipe of the flows' tests, with one stage and one task, each of `STEPS` steps."""
    path: Path = runpy.run_path(str(HERE.parent / "flows" / "conftest.py"))["write_recipe"](folder)
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    recipe["corpus"]["sources"].pop("pairs")
    recipe["training"] |= {"global_batch_tokens": 256}
    stages = recipe["pretraining"]["stages"]
    stages.pop("discrimination")
    stages["foundation"]["tokens"] = STEPS * 256
    topic = recipe["finetuning"]["topic"]
    recipe["finetuning"] = {"topic": topic | {"examples": STEPS * 4, "batch_size": 4, "micro_batch_size": 4}}
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


class Bench:
    """A store with every stage but the registration, put back before every test to where it was."""

    def __init__(self, folder: Path) -> None:
        self.store, self.pristine, self.log = folder / "store", folder / "pristine", folder / "log"
        paths = {"STAGELM_STORE": str(self.store), "STAGELM_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            [sys.executable, HERE / "one_stage.py", write_recipe(folder)],
            env=os.environ | paths,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.build(None) == 0, self.said()
        self.manifests = {}
        for label in LABELS:
            if label == "registration/tiny":
                shutil.copytree(self.store, self.pristine)
            assert self.build(label) == 0, self.said()
            self.manifests[label] = self.manifest(label)

    def build(self, label: str | None, fault: str = "") -> int:
        """Builds a stage in a process of its own; returns its exit status."""
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps({"label": label, "fault": fault, "log": str(self.log)}) + "\n")
        self.server.stdin.flush()
        return int(json.loads(self.server.stdout.readline())["status"])

    def said(self) -> str:
        """All that the last build printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def artifacts(self, label: str) -> list[Path]:
        """Folders of the stage; 'topic' is not 'topic-scratch'."""
        return list(self.store.glob(f"{label}-{'[0-9a-f]' * 8}"))

    def manifest(self, label: str) -> bytes:
        (folder,) = self.artifacts(label)
        return (folder / "manifest.json").read_bytes()

    def without(self, label: str) -> None:
        """Puts the store back, and takes one stage out of it."""
        shutil.rmtree(self.store)
        shutil.copytree(self.pristine, self.store)
        for folder in self.artifacts(label):
            shutil.rmtree(folder)

    def unfinished(self) -> Path:
        """The work folder of the stage that was killed."""
        (folder,) = (self.store / "work").iterdir()
        return folder

    def versions(self) -> list[tuple[str, int]]:
        """Name and number of all versions in the registry."""
        with sqlite3.connect(self.store / "mlflow.db") as database:
            return sorted(database.execute("SELECT name, version FROM model_versions").fetchall())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("faults"))
    yield bench
    bench.server.communicate(timeout=60)


def kill(bench: Bench, label: str, point: str) -> None:
    """Builds a stage that is killed at `point`, and checks that it was and that there is no artifact."""
    bench.without(label)
    status = bench.build(label, fault=point)
    if label.partition("/")[0] in IN_CHILD:
        assert status == 1
        assert "ChildFailed: lightning_modules." in bench.said()
        assert ": killed by signal 9: " in bench.said()
    else:
        assert status == -signal.SIGKILL, bench.said()
    assert bench.artifacts(label) == []


def check_the_next_run(bench: Bench, label: str) -> None:
    assert bench.build(label) == 0, bench.said()
    assert bench.manifest(label) == bench.manifests[label]
    assert list((bench.store / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("label", "point"),
    [
        ("examples/topic", "examples/read"),
        ("examples/topic", "examples/written"),
        ("corpus/tiny", "corpus/cleaned"),
        ("corpus/tiny", "corpus/written"),
        ("tokenizer/tiny", "tokenizer/trained"),
        ("tokenizer/tiny", "tokenizer/written"),
        ("tokens/tiny", "tokens/encoded"),
        ("tokens/tiny", "tokens/written"),
        ("scores/language-model", "scores/scored"),
        ("scores/language-model", "scores/written"),
    ],
)
def test_a_killed_stage_leaves_nothing_and_is_built_again_to_the_same_bytes(
    bench: Bench, label: str, point: str
) -> None:
    kill(bench, label, point)
    check_the_next_run(bench, label)


@pytest.mark.parametrize("label", ["weights/foundation", "finetuned/topic"])
@pytest.mark.parametrize(("point", "steps_done"), [("train/checkpointed", 50), ("train/trained", STEPS)])
def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_bytes(
    bench: Bench, label: str, point: str, steps_done: int
) -> None:
    kill(bench, label, point)
    before = (bench.unfinished() / "metrics.jsonl").read_bytes()
    assert json.loads(before.splitlines()[-1])["step"] == steps_done

    check_the_next_run(bench, label)

    after = (bench.artifacts(label)[0] / "metrics.jsonl").read_bytes()
    # These lines hold times: had the steps been done again, they would be others.
    assert after.startswith(before)
    assert json.loads(after.splitlines()[-1])["step"] == STEPS


@pytest.mark.parametrize(
    ("point", "registered"),
    [
        ("registration/registered", [("tiny-base", 1)]),
        ("registration/written", [("tiny-base", 1), ("tiny-topic", 1)]),
    ],
)
def test_a_killed_registration_registers_no_version_twice(
    bench: Bench, point: str, registered: list[tuple[str, Any]]
) -> None:
    kill(bench, "registration/tiny", point)
    assert bench.versions() == registered

    check_the_next_run(bench, "registration/tiny")

    assert bench.versions() == [("tiny-base", 1), ("tiny-topic", 1)]
