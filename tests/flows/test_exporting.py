"""`stagelm export` finds a model in the registry or in a run, and writes what transformers opens."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import cli
from flows.exporting import model_source
from flows.records import all_records
from lightning_modules.predictor import Predictor

transformers = pytest.importorskip("transformers")
Command = Callable[..., tuple[int, str, str]]
TEXTS = ["The baker meets the judge. What noise!", "医生在花园帮助老师。"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `stagelm export` in this process; returns its exit status and what it printed."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stagelm", "export", *arguments])
        with pytest.raises(SystemExit) as exited:
            cli.main()
        said = capsys.readouterr()
        return int(exited.value.code or 0), said.out, said.err

    return command


def first_run(finished: Any) -> str:
    return min(all_records(finished.store), key=lambda record: record.started).id


def test_a_run_gives_its_last_pretraining_stage_with_its_tokenizer(
    in_store: Any, command: Command, tmp_path: Path
) -> None:
    output = tmp_path / "llama"
    assert command(first_run(in_store), "--output", str(output)) == (0, f"{output}\n", "")

    assert {path.name for path in output.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer.model",
        "tokenizer_config.json",
    }  # fmt: skip
    assert model_source(first_run(in_store)).weights.name.startswith("discrimination-")
    writer = transformers.pipeline("text-generation", model=str(output), device="cpu")
    (answer,) = writer(TEXTS[:1], max_new_tokens=4)
    assert answer[0]["generated_text"].startswith(TEXTS[0])


def test_a_registered_classifier_answers_as_our_predictor_does(in_store: Any, command: Command, tmp_path: Path) -> None:
    from flows.plan import load_plan
    from flows.tracking.registry import model_folder

    ours = Predictor.load(model_folder(load_plan(in_store.recipe).tracking, "tiny-topic@champion")).predict(TEXTS)
    target = ("--target", "eurobert-classifier", "--output")
    assert command("tiny-topic@champion", *target, str(tmp_path / "registered"))[0] == 0
    assert command(first_run(in_store), "--stage", "finetuned/topic", *target, str(tmp_path / "run"))[0] == 0

    for folder in ("registered", "run"):
        classify = transformers.pipeline("text-classification", model=str(tmp_path / folder), device="cpu")
        theirs = classify(TEXTS)
        assert [row["label"] for row in theirs] == [row["label"] for row in ours]
        assert [row["score"] for row in theirs] == pytest.approx(
            [row[f"probability.{row['label']}"] for row in ours], abs=1e-5
        )


def test_an_adapters_stage_goes_with_its_base(in_store: Any, command: Command, tmp_path: Path) -> None:
    output = tmp_path / "exported"
    stage = ("--stage", "finetuned/translate", "--target", "eurobert")
    assert command(first_run(in_store), *stage, "--output", str(output))[0] == 0

    assert json.loads((output / "config.json").read_text())["architectures"] == ["EuroBertModel"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny-bas@champion",), "no registered model 'tiny-bas@champion'"),
        (("nothing",), "'nothing' is no run and no recipe that has run"),
        (("RUN", "--stage", "finetuned/topics"), "has no finetuned/topics; trained stages: weights/foundation, "),
        (("tiny-topic@champion", "--stage", "finetuned/topic"), "leave --stage finetuned/topic out"),
        (("RUN", "--target", "eurobert-masked"), "alignment 'shifted'"),
        (("RUN", "--target", "bert"), "unknown export target 'bert'."),
        (("RUN", "--stage", "finetuned/headline"), "LlamaForCausalLM reads from left to right only"),
    ],
)
def test_what_cannot_be_exported_is_one_line_that_says_why(
    in_store: Any, command: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    words = [first_run(in_store) if word == "RUN" else word for word in arguments]
    status, out, err = command(*words, "--output", str(tmp_path / "exported"))

    assert (status, out) == (2, "")
    assert err.startswith("error: ") and len(err.splitlines()) == 1
    assert message in err
    assert not (tmp_path / "exported").exists()
