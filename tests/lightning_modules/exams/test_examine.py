import json
from pathlib import Path

import pytest
import torch

from lightning_modules.evaluate import evaluate, main
from lightning_modules.exams.examine import examine, state_sha256
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.exams.spec import ExamineSpec

from .conftest import HARDWARE

ASKED = {
    "key_value_recall": {"pairs": 2, "questions": 2},
    "length_doubling": {"length": 16, "documents": 2},
    "loss_by_position": {"documents": 2},
    "minimal_pairs": {"path": "pairs.csv"},
    "prompting": {
        "task": "topic", "template": "{input} tala {label}", "verbalizer": {"calm": "kala", "loud": "reno"}, "shots": 1,
        "examples": 3,
    },
    "pseudo_perplexity": {"tokens": 20},
    "unconditional_samples": {"samples": 3, "max_new_tokens": 6},
}  # fmt: skip


@pytest.fixture
def make_spec(folders: Path, tmp_path: Path):
    (tmp_path / "pairs.csv").write_text(
        "sentence_good,sentence_bad\nkala mala,mala kala\n农民去,去农民\n", encoding="utf-8"
    )

    def make(kind: str, output: str = "output", **changes) -> ExamineSpec:
        fields = {
            "name": "check", "exam": {"exam": kind} | ASKED[kind], "weights": folders / "weights",
            "tokenizer": folders / "tokenizer", "root": tmp_path, "sequence_length": 32, "resamples": 50,
            "folders": {name: folders / name for name in ("tokens", "corpus", "examples")},
            "hardware": HARDWARE, "seed": 5, "work": tmp_path / "work", "output": tmp_path / output,
        }  # fmt: skip
        return ExamineSpec.model_validate(fields | changes)

    return make


def test_every_exam_that_is_no_concern_is_asked_here():
    from lightning_modules.exams import EXAMS

    assert set(ASKED) == {name for name, exam in EXAMS.items() if not exam.concern}


@pytest.mark.parametrize("kind", sorted(ASKED))
def test_equal_specs_give_equal_bytes_and_no_parameter_changes(make_spec, kind: str):
    for output in ("one", "two"):
        evaluate(make_spec(kind, output))
    one, two = (make_spec(kind, output).output for output in ("one", "two"))
    content = json.loads((one / "scores.json").read_text(encoding="utf-8"))

    assert [(one / name).read_bytes() for name in ("scores.json", "examples.parquet")] == [
        (two / name).read_bytes() for name in ("scores.json", "examples.parquet")
    ]
    assert content["task"] == kind
    assert content["headline"]["system"] == "pretrained"
    assert {row["system"] for row in content["scores"]} >= {"pretrained", "untrained"}
    assert content["facts"]["parameters_sha256_before"] == content["facts"]["parameters_sha256_after"]


def test_an_exam_that_changes_the_weights_is_found_out(make_spec, monkeypatch):
    run = MinimalPairs.run

    def meddle(self, sitting):
        with torch.no_grad():
            sitting.networks["pretrained"].model.embed_tokens.weight[40, 0] += 1e-6
        return run(self, sitting)

    monkeypatch.setattr(MinimalPairs, "run", meddle)
    with pytest.raises(RuntimeError, match="it changed the weights that it was to examine"):
        examine(make_spec("minimal_pairs"), lambda system, done, total: None)


def test_a_hash_of_the_state_knows_one_bit_from_another(trunk):
    before = state_sha256(trunk)
    assert state_sha256(trunk) == before
    with torch.no_grad():
        trunk.model.norm.weight[0] = torch.nextafter(trunk.model.norm.weight[0], torch.tensor(2.0))
    assert state_sha256(trunk) != before


def test_what_cannot_be_used_is_refused_in_one_line(make_spec, tmp_path: Path, capsys):
    spec = tmp_path / "spec.json"
    spec.write_text(make_spec("length_doubling", exam={"exam": "length_doubling", "length": 999}).model_dump_json())

    assert main([str(spec)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no document of the test split has 1,998 tokens")
