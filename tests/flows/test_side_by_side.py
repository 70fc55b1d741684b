"""Several fine-tunings of one base at once: the same artifacts, siblings in MLflow, and what a failure leaves."""

import json
import threading
from typing import Any

import pytest

from flows.plan import load_plan
from flows.records import all_records

AT_ONCE = {"training.finetunings_at_once": 2}
TUNED = ["finetuned/topic", "finetuned/topic-scratch", "finetuned/headline", "finetuned/headline-scratch",
         "finetuned/translate", "finetuned/translate-scratch"]  # fmt: skip
LIMIT_SECONDS = 60


def test_how_many_run_at_once_is_no_part_of_a_key(in_store: Any) -> None:
    one, two = load_plan(in_store.recipe), load_plan(in_store.recipe, AT_ONCE)
    assert {label: stage.key for label, stage in one.stages.items()} == {
        label: stage.key for label, stage in two.stages.items()
    }


def test_fine_tunings_side_by_side_give_the_same_bytes_in_order_and_as_siblings(
    in_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import finetuning
    from flows.tracking.client import connect, experiment_id

    plan = load_plan(in_store.recipe)
    again = ["finetuned/topic", "finetuned/translate-scratch"]
    before = {label: (plan.folder(label) / "manifest.json").read_bytes() for label in again}
    meeting, train = threading.Barrier(2), finetuning.train

    def together(*given: Any) -> None:
        meeting.wait(LIMIT_SECONDS)  # passes only when two are being built at the same time
        train(*given)

    monkeypatch.setattr(finetuning, "train", together)
    outcomes = finetuning.finetuning(in_store.recipe, AT_ONCE, refresh=again)

    assert [f"{outcome['kind']}/{outcome['name']}" for outcome in outcomes] == TUNED
    assert [f"{outcome['kind']}/{outcome['name']}" for outcome in outcomes if not outcome["reused"]] == again
    assert {label: (plan.folder(label) / "manifest.json").read_bytes() for label in again} == before
    record = all_records(in_store.store)[0]
    client = connect(plan.tracking)
    children = client.search_runs(
        [experiment_id(client, plan.tracking)], f"tags.mlflow.parentRunId = '{record.tracking_run}'"
    )
    assert sorted(run.info.run_name for run in children) == sorted(TUNED)
    assert all(run.info.status == "FINISHED" for run in children)
    assert sum("reused_from" in run.data.tags for run in children) == 4


def test_of_two_that_run_one_may_fail_and_the_other_is_kept(in_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import finetuning

    meeting = threading.Barrier(2)

    def one_fails(plan: Any, spec: Any, work: Any, run: Any) -> None:
        meeting.wait(LIMIT_SECONDS)
        if spec.name == "finetuning/topic":
            raise RuntimeError("no room on the device")
        (spec.output / "stage.json").write_text(json.dumps({"validation": {}}))

    monkeypatch.setattr(finetuning, "train", one_fails)
    changed = {**AT_ONCE, "finetuning.topic.examples": 48}
    plan = load_plan(in_store.recipe, changed)
    with pytest.raises(RuntimeError, match="no room on the device"):
        finetuning.finetuning(in_store.recipe, changed)
    assert plan.found("finetuned/topic") is None
    assert plan.found("finetuned/topic-scratch") is not None
    assert all_records(in_store.store)[0].status == "failed"
