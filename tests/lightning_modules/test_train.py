"""A whole stage: what it leaves, what a kill costs, and several processes against one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lightning_modules import callbacks, train
from lightning_modules.checkpoint import LAST
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

pytestmark = pytest.mark.usefixtures("one_thread")
MakeSpec = Callable[..., TrainSpec]
WITH_HEADS = {
    "forward": {"objective": "causal_lm", "share": 0.4},
    "replaced_token": {"share": 0.3, "weight": 50.0},
    "sentence_order": {"share": 0.3},
}
PLAIN_SGD = {"method": "sgd", "momentum": 0.0}


def in_child(spec: TrainSpec, fault: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the stage as the flows do."""
    spec.work.mkdir(parents=True, exist_ok=True)
    path = spec.work / "spec.json"
    path.write_text(spec.model_dump_json())
    return subprocess.run(
        [sys.executable, "-m", "lightning_modules.train", str(path)],
        env=os.environ | {"STAGELM_FAULT": fault, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def in_this_process(spec: TrainSpec) -> StageModule:
    module = StageModule(spec)
    train.train(module, StageData(spec))
    return module


def lines(spec: TrainSpec) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (spec.work / "metrics.jsonl").read_text().splitlines()]


def points(spec: TrainSpec) -> list[tuple[int, int, dict[str, float]]]:
    """Returns all of the metrics that does not depend on the time."""
    return [
        (
            line["step"],
            line["tokens"],
            {name: value for name, value in line["metrics"].items() if not name.startswith("throughput/")},
        )
        for line in lines(spec)
    ]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Killed(BaseException):
    """Stands for SIGKILL where a process of its own would take too long."""


def dying_at(point: str, time: int) -> Callable[[str], None]:
    reached: list[str] = []

    def reach(name: str) -> None:
        reached.append(name)
        if reached.count(point) == time and name == point:
            raise Killed

    return reach


def test_stage_leaves_weights_and_metrics(make_spec: MakeSpec):
    spec = make_spec(tokens_before=1000)

    in_this_process(spec)

    assert sorted(content(spec.output)) == ["config.json", "heads.safetensors", "model.safetensors", "stage.json"]
    written = lines(spec)
    assert [(line["step"], line["steps"], line["tokens"]) for line in written] == [
        (0, 6, 1000), (2, 6, 1512), (4, 6, 2024), (6, 6, 2536), (6, 6, 2536),
    ]  # fmt: skip
    assert written[0]["metrics"].keys() >= {"validation/forward/loss", "validation/cloze/loss"}
    assert written[1]["metrics"].keys() >= {
        "train/loss", "train/forward/loss", "train/cloze/loss", "train/cloze/accuracy", "train/cloze/weight",
        "train/cloze/factor", "train/lr", "train/grad_norm", "throughput/tokens_per_second",
        "throughput/corpus_tokens",
    }  # fmt: skip
    stage = json.loads((spec.output / "stage.json").read_text())
    assert (stage["steps"], stage["tokens"]) == (6, 2536)
    assert stage["validation"] == written[-1]["metrics"]


def test_training_lowers_the_loss(make_spec: MakeSpec):
    spec = make_spec(steps=30, stage={"peak_lr": 3e-3, "optimizer": {"method": "muon"}})

    in_this_process(spec)

    before, after = lines(spec)[0]["metrics"], lines(spec)[-1]["metrics"]
    assert after["validation/forward/loss"] < before["validation/forward/loss"] - 0.05


@pytest.mark.slow
def test_two_kills_cost_nothing(make_spec: MakeSpec):
    spec, whole = make_spec("killed"), make_spec("whole")

    killed = [in_child(spec, fault).returncode for fault in ("train/checkpointed", "train/trained")]
    finished = in_child(spec)
    in_this_process(whole.model_copy(update={"name": spec.name}))

    assert killed == [-signal.SIGKILL, -signal.SIGKILL]
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert content(spec.output) == content(whole.output)
    assert points(spec) == points(whole)


@pytest.mark.parametrize(
    ("point", "time", "method"),
    [
        ("train/checkpointed", 2, "excess_loss"),
        ("train/checkpointed", 3, "excess_loss"),
        ("train/trained", 1, "excess_loss"),
        ("train/checkpointed", 1, "gradnorm"),
        ("train/checkpointed", 1, "famo"),
    ],
)
def test_resume_with_controller_heads_and_bf16_equals_an_uninterrupted_run(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, point: str, time: int, method: str
):
    stage = {
        "objectives": WITH_HEADS,
        "optimizer": {"method": "muon"},
        "weighting": {"method": method, "update_every_steps": 1},
    }
    assert_a_kill_costs_nothing(
        make_spec, monkeypatch, dying_at(point, time), stage=stage, hardware={"precision": "bf16"}
    )


def test_resume_with_dropout_and_a_rate_on_its_way_equals_an_uninterrupted_run(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
):
    objectives = {
        "cloze": {"objective": "masked_lm", "share": 0.4, "selection": "span", "rate": 0.3, "final_rate": 0.15},
        "prefix_lm": {"share": 0.2},
        "next_sentence": {"share": 0.2},
        "contrastive": {"share": 0.2, "mlp_head": True},
    }
    model = make_spec().model.model_copy(update={"dropout": 0.1})

    assert_a_kill_costs_nothing(
        make_spec, monkeypatch, dying_at("train/checkpointed", 2), stage={"objectives": objectives}, model=model
    )


def assert_a_kill_costs_nothing(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, reach: Callable[[str], None], **changes: Any
) -> None:
    killed, whole = (make_spec(name, **changes).model_copy(update={"name": "same"}) for name in ("killed", "whole"))
    for place in (callbacks, train):
        monkeypatch.setattr(place, "reach", reach)

    with pytest.raises(Killed):
        in_this_process(killed)
    monkeypatch.undo()
    in_this_process(killed)
    in_this_process(whole)

    assert content(killed.output) == content(whole.output)
    assert points(killed) == points(whole)


def test_sigterm_saves_and_ends(make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch):
    spec, whole = make_spec("stopped", checkpoint_steps=100), make_spec("whole")
    write = callbacks.StageRecorder.write

    def write_and_signal(self: callbacks.StageRecorder, trainer: Any, module: StageModule, metrics: Any) -> None:
        write(self, trainer, module, metrics)
        if module.completed_steps == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(callbacks.StageRecorder, "write", write_and_signal)
    with pytest.raises(SystemExit) as ended:
        in_this_process(spec)
    monkeypatch.undo()

    assert ended.value.code == 143
    assert (spec.work / "checkpoints/last.ckpt").exists()
    assert lines(spec)[-1]["step"] == 3
    in_this_process(spec)
    in_this_process(whole)
    assert content(spec.output)["model.safetensors"] == content(whole.output)["model.safetensors"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_next_stage_starts_where_the_last_one_ended(make_spec: MakeSpec, precision: str):
    """Whatever the next stage changes about its training, as long as it is validated in the same way."""
    first = make_spec("first", stage={"objectives": WITH_HEADS}, hardware={"precision": precision})
    shared = {"forward": {"objective": "causal_lm", "share": 0.3, "weight": 0.1}}
    shared |= {name: WITH_HEADS[name] | {"share": 0.2} for name in ("replaced_token", "sentence_order")}
    second = make_spec(
        "second",
        init=first.output,
        hardware={"precision": precision},
        steps=3,
        micro_batches=5,
        former_weights=first.stage.term_weights(first.model),
        stage={
            "objectives": shared | {"order": {"objective": "sentence_order", "share": 0.3}},
            "optimizer": {"method": "muon"},
            "weighting": {"method": "random", "update_every_steps": 1},
            "blend_fraction": 0.5,
            "freeze": {"layers": 1},
        },
    )

    in_this_process(first)
    in_this_process(second)

    ended, started = lines(first)[-1]["metrics"], lines(second)[0]["metrics"]
    losses = [name for name in ended if name.endswith("/loss")]
    assert len(losses) == 4  # the generator's among them
    for name in losses:
        assert started[name] == pytest.approx(ended[name], abs=1e-6)
    stage = json.loads((second.output / "stage.json").read_text())
    assert stage["heads"] == {"loaded": ["replaced_token", "sentence_order"], "fresh": ["order"]}


def test_next_stage_warms_a_fresh_optimizer_up(make_spec: MakeSpec):
    """Six steps with a warm-up of two: the first update is made at half of the peak, with moments of its own."""
    warm = {"schedule": {"warmup_fraction": 1 / 3}, "objectives": {"causal_lm": {}}, "peak_lr": 1e-2}
    first = make_spec("first", stage=warm)
    second = make_spec("second", init=first.output, stage=warm, log_steps=1)
    in_this_process(first)

    in_this_process(second)

    rates = [line["metrics"]["train/lr"] for line in lines(second) if "train/lr" in line["metrics"]]
    assert rates[:2] == pytest.approx([5e-3, 1e-2])
    saved = torch.load(second.work / LAST)["optimizer_states"][0]["state"]
    assert {int(state["step"]) for state in saved.values()} == {6}


def test_lora_leaves_the_base_as_it_was(make_spec: MakeSpec):
    base = make_spec("base")
    in_this_process(base)
    tuned = make_spec("tuned", init=base.output, adapter={"method": "lora"})
    before = content(base.output)

    module = in_this_process(tuned)

    assert content(base.output) == before
    assert "adapter.safetensors" in content(tuned.output)
    assert "model.safetensors" not in content(tuned.output)
    saved = load_file(base.output / "model.safetensors")
    state = module.trunk.state_dict()
    shared = [name for name in saved if name in state]
    assert shared
    assert all(torch.equal(state[name], saved[name]) for name in shared)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": {"objectives": {"causal_lm": {}}, "sequence_length": 10**6}}, "add text, or lower sequence_length"),
        ({"init": "nowhere"}, "nowhere"),
        ({"adapter": {"method": "lora"}}, "none to start from"),
    ],
)
def test_what_cannot_be_trained_ends_with_one_line(
    make_spec: MakeSpec, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, changes: Any, message: str
):
    spec = make_spec(**changes)
    spec.work.mkdir(parents=True)
    path = spec.work / "spec.json"
    path.write_text(spec.model_dump_json())
    monkeypatch.setattr(train, "end_with_parent", lambda: None)

    status = train.main([str(path)])

    said = capsys.readouterr().err
    assert status == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert message in said


@pytest.mark.parametrize("method", ["static", "excess_loss", "famo", "gradnorm"])
def test_divergence_names_the_step_and_the_objective(make_spec: MakeSpec, method: str):
    too_much = {"peak_lr": 1e30, "optimizer": PLAIN_SGD, "clip_norm": 1e30, "schedule": {"warmup_fraction": 0.0}}
    spec = make_spec(stage=too_much | {"weighting": {"method": method}})

    with pytest.raises(ArithmeticError, match=r"step \d: the (loss|gradient) of '(forward|cloze)'"):
        in_this_process(spec)
    assert not (spec.work / "checkpoints/last.ckpt").exists()
