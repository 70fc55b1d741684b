"""What the flows `pretraining` and `finetuning` share: a spec, a child process that obeys it, and its metrics."""

from typing import Any

from flows.child import run_child
from flows.plan import Plan
from flows.report import live
from flows.store import Work, write_atomically
from flows.tracking.runs import StageRun
from lightning_modules.spec import TrainSpec


def train(plan: Plan, spec: TrainSpec, work: Work, run: StageRun) -> None:
    """Trains one stage in a child process and hands its metrics to the console and to MLflow as they appear.

    A stage that was interrupted goes on with the micro-batch, threads and compilation it was started with: they are no
    part of its key, but its last digits depend on them.
    """
    path = work.folder / "spec.json"
    if path.exists():
        spec = TrainSpec.model_validate_json(path.read_text())
    else:
        write_atomically(path, spec.model_dump_json(indent=1))
    work.record["hardware"] = spec.hardware.model_dump(mode="json")
    run.params({f"hardware.{key}": value for key, value in work.record["hardware"].items()})

    def on_line(line: dict[str, Any]) -> None:
        live.interval(spec.name, line)
        run.metrics(line)

    run_child("lightning_modules.train", path, work.folder, on_line, devices=spec.hardware.devices)
