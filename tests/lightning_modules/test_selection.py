"""The best weights are kept, patience ends, the gap is watched, and a kill changes nothing of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from lightning_modules import callbacks, keeping, train
from lightning_modules.checkpoint import LAST
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.selection import Selection, SelectionConfig
from lightning_modules.spec import TrainSpec

pytestmark = pytest.mark.usefixtures("one_thread")
MakeSpec = Callable[..., TrainSpec]


def seen(config: SelectionConfig, losses: Sequence[float], training: Sequence[float] | None = None) -> Selection:
    """A selection that has been shown a validation after every step."""
    selection = Selection(config, steps=len(losses), weights={"a": 1.0})
    for step, (loss, trained) in enumerate(zip(losses, training or losses, strict=True), start=1):
        selection.trained({"a": 2 * trained}, {"a": 2})
        selection.enter(step, {"validation/a/loss": loss, "validation/a/accuracy": loss})
        if selection.stopped:
            break
    return selection


def test_the_lowest_loss_is_kept_and_of_equals_the_first():
    best = seen(SelectionConfig(), [3.0, 1.0, 2.0, 1.0]).best
    assert best is not None
    assert (best["step"], best["value"]) == (2, 1.0)


def test_of_a_metric_that_is_no_loss_the_highest_is_kept():
    best = seen(SelectionConfig(by="a/accuracy"), [0.25, 0.75, 0.5]).best
    assert best is not None
    assert (best["step"], best["value"]) == (2, 0.75)


def test_the_losses_count_by_their_weights():
    selection = Selection(SelectionConfig(), steps=1, weights={"a": 2.0, "b": 0.5})
    selection.trained({"a": 3.0, "b": 8.0}, {"a": 2.0, "b": 4.0})
    selection.trained({"a": 1.0}, {"a": 2.0})
    selection.enter(1, {"validation/a/loss": 3.0, "validation/b/loss": 4.0})

    assert selection.evaluations == [{"step": 1, "value": 8.0, "validation_loss": 8.0, "training_loss": 3.0}]
    assert selection.gap() == {"validation/gap": 5.0}


def test_a_validation_counts_every_objective_also_one_that_was_not_trained_since_the_last():
    selection = Selection(SelectionConfig(), steps=2, weights={"a": 1.0, "rare": 1.0})
    selection.trained({"a": 4.0, "rare": 2.0}, {"a": 2.0, "rare": 1.0})
    selection.enter(1, {"validation/a/loss": 2.0, "validation/rare/loss": 2.0})
    selection.trained({"a": 4.0}, {"a": 2.0})

    assert not selection.enter(2, {"validation/a/loss": 2.5, "validation/rare/loss": 2.5})
    assert [entry["value"] for entry in selection.evaluations] == [4.0, 5.0]
    assert selection.gap() == {"validation/gap": 0.5}


@pytest.mark.parametrize(("patience", "last"), [(1, 2), (2, 5), (3, 7), (None, 7)])
def test_patience_counts_validations_since_the_best(patience: int | None, last: int):
    selection = seen(SelectionConfig(patience=patience), [3.0, 4.0, 2.0, 5.0, 5.0, 1.0, 2.0])

    assert selection.evaluations[-1]["step"] == last
    assert selection.record()["stopped_early"] == (last < 7)


@pytest.mark.parametrize(("training", "widened"), [([2.0, 1.0, 0.5], True), ([2.0, 1.0, 1.2], False)])
def test_a_gap_that_has_grown_by_a_tenth_of_the_loss_has_widened(training: list[float], widened: bool):
    assert seen(SelectionConfig(), [2.0, 1.0, 1.25], training).widened is widened


def test_validation_is_due_at_a_tenth_of_the_steps_but_not_more_often_than_every_tenth():
    def due(config: SelectionConfig, steps: int) -> list[int]:
        selection = Selection(config, steps, {})
        return [step for step in range(1, steps + 1) if selection.due(step)]

    assert due(SelectionConfig(), 25) == [10, 20, 25]
    assert due(SelectionConfig(), 301)[:2] == [31, 62]
    assert due(SelectionConfig(every_steps=4), 9) == [4, 8, 9]


def test_a_metric_or_an_objective_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"unknown metric in selection.by 'a/acuracy'.*Did you mean 'a/accuracy'"):
        seen(SelectionConfig(by="a/acuracy"), [1.0])
    with pytest.raises(ValueError, match=r"unknown objective of this stage in selection.by 'b'.*Known: a"):
        SelectionConfig(by="b/loss").check({"a": None})
    with pytest.raises(ValidationError):
        SelectionConfig(by="accuracy")


SCRIPT = [3.0, 1.0, 4.0, 2.0, 5.0, 6.0]
"""Validation losses after steps 1 to 6: the second is the best."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the validations after each step show given losses."""
    enter = Selection.enter

    def told(self: Selection, step: int, metrics: dict[str, float]) -> bool:
        losses = {name: SCRIPT[step - 1] for name in metrics if name.endswith("/loss")}
        return enter(self, step, metrics | losses)

    monkeypatch.setattr(Selection, "enter", told)


class Killed(BaseException):
    pass


def run(spec: TrainSpec) -> StageModule:
    module = StageModule(spec)
    train.train(module, StageData(spec))
    return module


def lines(spec: TrainSpec) -> Iterator[dict[str, Any]]:
    return map(json.loads, (spec.work / "metrics.jsonl").read_text().splitlines())


def record(spec: TrainSpec) -> dict[str, Any]:
    stage = json.loads((spec.output / "stage.json").read_text())
    return stage["selection"] | {"steps": stage["steps"]}


@pytest.mark.usefixtures("scripted")
def test_weights_of_the_best_step_are_those_of_a_run_that_ended_there(make_spec: MakeSpec):
    flat = {"schedule": {"shape": "linear", "warmup_fraction": 0.0, "final_fraction": 1.0}}
    chosen = make_spec("chosen", stage={**flat, "selection": {"every_steps": 1}})
    short = make_spec("short", stage=flat, steps=2)
    run(chosen)
    run(short)

    weights, expected = (load_file(spec.output / "model.safetensors") for spec in (chosen, short))
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())
    assert (record(chosen)["step"], record(chosen)["steps"], record(chosen)["stopped_early"]) == (2, 6, False)
    gaps = [line["step"] for line in lines(chosen) if "validation/gap" in line["metrics"]]
    assert gaps == [1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("point", [("train/selected", 1), ("train/selected", 2), ("train/checkpointed", 2),
                                   ("train/trained", 1)])  # fmt: skip
def test_a_kill_costs_nothing_of_what_was_selected(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, point: tuple[str, int]
):
    dropping = make_spec().model.model_copy(update={"dropout": 0.1})
    stage = {"selection": {"every_steps": 1, "patience": 3}}
    killed, whole = (
        make_spec(name, stage=stage, model=dropping, checkpoint_steps=2).model_copy(update={"name": "same"})
        for name in ("killed", "whole")
    )
    reached: list[str] = []

    def reach(name: str) -> None:
        reached.append(name)
        if name == point[0] and reached.count(name) == point[1]:
            raise Killed

    with monkeypatch.context() as dying:
        for place in (callbacks, keeping, train):
            dying.setattr(place, "reach", reach)
        with pytest.raises(Killed):
            run(killed)
    run(killed)
    run(whole)

    def content(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    assert content(killed.output) == content(whole.output)
    assert (record(whole)["step"], record(whole)["steps"], record(whole)["stopped_early"]) == (2, 5, True)
    assert sorted(path.name for path in (whole.work / LAST).parent.iterdir()) == ["best-2.ckpt", "last.ckpt"]


def test_validating_on_the_way_changes_nothing_of_the_training(make_spec: MakeSpec):
    dropping = make_spec().model.model_copy(update={"dropout": 0.1})
    plain = make_spec("plain", model=dropping, hardware={"precision": "bf16"})
    judged = make_spec(
        "judged", model=dropping, hardware={"precision": "bf16"}, stage={"selection": {"every_steps": 2}}
    )
    one, other = run(plain), run(judged)

    assert record(judged)["step"] == 6
    assert all(torch.equal(other.state_dict()[name], tensor) for name, tensor in one.state_dict().items())
    # What Lightning's own validation of the same weights shows, in the last line of the other.
    assert other.validation_metrics == one.validation_metrics
