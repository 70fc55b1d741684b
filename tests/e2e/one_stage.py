"""Builds single stages of a recipe without Prefect, each in a process forked for it: `one_stage.py RECIPE`.

The libraries take seconds to import; here they are imported once for all builds. One JSON object a line. In:
{"label": "corpus/tiny", "fault": "corpus/cleaned", "log": path}; a label of null only opens the tracking database. Out:
{"status": n}, n as in `subprocess`.
"""

import json
import os
import sys
import traceback
from types import SimpleNamespace
from typing import Any

from flows import child, corpus, evaluation, finetuning, pretraining, tokenization
from flows.plan import Plan, load_plan
from flows.tracking.client import connect, experiment_id
from lightning_modules import evaluate, launcher, train

BUILDERS = {
    kind: build
    for flow in (corpus, tokenization, pretraining, finetuning, evaluation)
    for kind, build in flow.BUILDERS.items()
}
assert (train.__name__, evaluate.__name__) == launcher.MODULES


class ForkedLauncher(child._Launcher):
    """The launcher of trainings, forked from here instead of started afresh."""

    def __init__(self) -> None:
        (requests, to_launcher), (from_launcher, answers) = os.pipe(), os.pipe()
        process = os.fork()
        if process == 0:
            os.dup2(requests, 0)
            os.dup2(answers, 1)
            for end in (requests, to_launcher, from_launcher, answers):
                os.close(end)
            try:
                launcher.main()
            finally:
                os._exit(0)
        os.close(requests)
        os.close(answers)
        self._process: Any = SimpleNamespace(
            poll=lambda: None,
            wait=lambda: os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]),
            stdin=os.fdopen(to_launcher, "wb", buffering=0),
            stdout=os.fdopen(from_launcher, "rb", buffering=0),
        )


class Unrecorded:
    """Takes the place of a stage's MLflow run; only the registry, which logs models to a run, gets a real one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @property
    def run_id(self) -> str:
        client = connect(self.plan.tracking)
        return str(client.create_run(experiment_id(client, self.plan.tracking)).info.run_id)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def build(recipe: str, label: str | None) -> None:
    plan = load_plan(recipe)
    if label is None:
        experiment_id(connect(plan.tracking), plan.tracking)
        return
    stage = plan.stage(label)
    with plan.store.building(stage.key) as work:
        assert not work.reused, f"{label} is there already"
        run: Any = Unrecorded(plan)
        BUILDERS[stage.kind](plan, stage, work, run)


def in_fork(recipe: str, job: dict[str, Any]) -> None:
    status = 1
    try:
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ["STAGELM_FAULT"] = job["fault"]
        child._Launcher = ForkedLauncher  # type: ignore[misc]
        build(recipe, job["label"])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        for launcher in child._idle:
            launcher.kill()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            in_fork(sys.argv[1], json.loads(line))
        print(json.dumps({"status": os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}), flush=True)


if __name__ == "__main__":
    main()
