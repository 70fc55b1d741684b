"""Kills through Prefect: what was done stays done, and what is left equals what an uninterrupted run leaves."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from tests.e2e.conftest import BIN, RUN_LIMIT_SECONDS

FAULT = "train/trained"
"""The first stage of pretraining kills its own process here: its work is done, and nothing of it published."""


def manifests(store):
    """Path below the store -> content, for the manifest of every artifact."""
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.glob("*/*/manifest.json")}


def processes(store, word):
    """Running processes that work on `store` and have `word` in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STAGELM_STORE") == str(store) and word in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_retry_from_the_ui_resumes_at_the_stage_whose_process_was_killed(workplace, uninterrupted):
    store = workplace.folder / "retried"
    run = workplace.start("pipeline/smoke", STAGELM_STORE=str(store), STAGELM_FAULT=FAULT)
    assert workplace.ended(run)["state_type"] == "FAILED"
    done_before = workplace.records(store)[-1]["stages"]
    assert done_before, "the fault came before any stage was done"

    # What the Retry button sends, but for a moment later: a worker reads a run's environment up to 10 s ahead, and the
    # fault must be gone from it.
    moment = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    state["state_details"] = {"scheduled_time": moment}
    assert workplace.post(f"/flow_runs/{run}/set_state", state=state, force=False)["status"] == "ACCEPT"
    variables = workplace.flow_run(run)["job_variables"]
    del variables["env"]["STAGELM_FAULT"]
    workplace.api.patch(f"/flow_runs/{run}", json={"job_variables": variables}).raise_for_status()
    workplace.wait_for(lambda: workplace.flow_run(run)["state_type"] == "RUNNING", "the retry")
    ended = workplace.ended(run)

    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    assert ended["run_count"] == 2
    reused = workplace.reuse(store)
    finished_first = [f"{stage['kind']}/{stage['name']}" for stage in done_before]
    assert [stage for stage, again in reused.items() if again] == finished_first
    assert manifests(store) == manifests(uninterrupted)


def test_killed_flow_is_crashed_and_the_next_run_leaves_what_an_uninterrupted_one_does(workplace, uninterrupted):
    store = workplace.folder / "killed"
    first = workplace.start("pipeline/smoke", STAGELM_STORE=str(store))
    workplace.wait_for(lambda: list(store.glob("work/*/metrics.jsonl")), "the first step of a training")
    for process in processes(store, "prefect"):
        process.send_signal(signal.SIGKILL)

    assert workplace.ended(first)["state_type"] == "CRASHED"
    # No one is left to tell the trainer; it must end by itself, or two would write into one work folder.
    workplace.wait_for(lambda: not processes(store, "lightning_modules"), "the end of the orphaned trainer", 60)

    second = workplace.start("pipeline/smoke", STAGELM_STORE=str(store))

    assert workplace.ended(second)["state_type"] == "COMPLETED"
    assert manifests(store) == manifests(uninterrupted)


def test_run_from_a_terminal_that_is_told_to_end_saves_its_training_and_leaves_no_process(workplace):
    whole, store = workplace.folder / "undisturbed", workplace.folder / "terminated"
    # As `smoke`, but with a training that is not over before anyone has seen it begin.
    command = [str(BIN / "stagelm"), "run", "smoke", "--set", "pretraining.stages.foundation.tokens=400K"]

    def run(at):
        return workplace.background(command, f"{at.name}.log", STAGELM_STORE=str(at), PREFECT_API_URL="")

    with run(store) as process:
        # A line in the file, not the file: before its first step a trainer has nothing to save.
        workplace.wait_for(lambda: any(map(Path.read_text, store.glob("work/*/metrics.jsonl"))), "the first step")
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 130
        workplace.wait_for(lambda: not processes(store, ""), "the end of Prefect's server and of the trainer", 30)

    assert list(store.glob("work/*/checkpoints/*")), "the trainer did not save"
    for folder in (store, whole):
        with run(folder) as process:
            assert process.wait(RUN_LIMIT_SECONDS) == 0
    assert manifests(store) == manifests(whole)
