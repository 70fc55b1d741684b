"""How every flow turns planned stages into artifacts: find or build, measure, record, return references."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.child import stop_all
from flows.figures import headline, headline_metrics
from flows.plan import Plan, load_plan
from flows.recording import Recording, recording
from flows.records import StageOutcome
from flows.report import live
from flows.stages import PlannedStage
from flows.store import Work
from flows.tracking.energy import measure
from flows.tracking.runs import StageRun

Builder = Callable[[Plan, PlannedStage, Work, StageRun], None]
"""Builds one stage: writes its files into `work.output`; may set `work.counts` and `work.record`."""

Outcomes = list[dict[str, Any]]
"""`StageOutcome`s as JSON: what flows return."""


def run_stages(
    flow: str,
    builders: Mapping[str, Builder],
    recipe: str,
    overrides: Mapping[str, Any] | None,
    refresh: list[str] | None,
    run: str | None,
    at_once: Callable[[Plan], int] = lambda plan: 1,
) -> Outcomes:
    """Runs the stages of one flow, each as a Prefect task, in order or side by side.

    Args:
        flow: name of the flow.
        builders: stage kind -> what builds it.
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there.
        run: id of the run this is part of; None: it is a run of its own.
        at_once: how many of the stages may run side by side; above 1, none may read another.
    """
    plan = load_plan(recipe, overrides)
    again = plan.select(refresh or [])
    stages = plan.of_flow(flow)
    with recording(plan, flow, run) as record:
        if at_once(plan) > 1:
            return _side_by_side(plan, stages, builders, record, again, at_once(plan))
        return [run_stage(plan, stage, builders[stage.kind], record, refresh=stage.label in again) for stage in stages]


def _side_by_side(
    plan: Plan,
    stages: Sequence[PlannedStage],
    builders: Mapping[str, Builder],
    record: Recording,
    again: set[str],
    at_once: int,
) -> Outcomes:
    """Runs stages as tasks of so many threads, each waiting for a child process of its own.

    If one fails, those that run go on to their end and are kept, and no other is begun. Whatever else ends the flow
    (a cancelled run, Ctrl-C) stops them all.
    """
    outcomes = []
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=at_once)
    with threads as runner:
        try:
            futures = [
                runner.submit(
                    _task(plan, stage, builders[stage.kind], record, refresh=stage.label in again),
                    {"label": stage.label},
                )
                for stage in stages
            ]
            for future in futures:
                outcome: dict[str, Any] = future.result()
                record.add(StageOutcome.model_validate(outcome))
                outcomes.append(outcome)
        except Exception:
            raise
        except BaseException:
            stop_all()
            raise
    return outcomes


def run_stage(
    plan: Plan, stage: PlannedStage, build: Builder, record: Recording, *, refresh: bool = False
) -> dict[str, Any]:
    """Runs one stage as a Prefect task under its own name; returns its `StageOutcome` as JSON."""
    make_stage = _task(plan, stage, build, record, refresh=refresh)
    outcome: dict[str, Any] = make_stage(stage.label, return_state=True).result()
    record.add(StageOutcome.model_validate(outcome))
    return outcome


def _task(plan: Plan, stage: PlannedStage, build: Builder, record: Recording, *, refresh: bool) -> Task[[str], Any]:
    """One stage as a task that takes its label. Prefect keeps label and outcome and never sees plans or models."""

    @task(name=stage.kind, task_run_name=stage.label, cache_policy=NO_CACHE, result_serializer="json")
    def make_stage(label: str) -> Any:
        return make(plan, stage, build, record, refresh=refresh)

    return make_stage


def make(
    plan: Plan, stage: PlannedStage, build: Builder, record: Recording, *, refresh: bool
) -> dict[str, Any] | State[Any]:
    """Builds one stage or finds it, and records it in MLflow either way.

    Returns:
        A `StageOutcome` as JSON; of a reused stage inside a Prefect state named 'Reused'.

    Raises:
        MissingInput: a gate before the stage has not been passed.
    """
    for gate in stage.after:
        plan.folder(gate)
    started = time.monotonic()

    def waiting(holder: str) -> None:
        live.note(f"{stage.label}: {holder} is building it; waiting")

    with plan.store.building(stage.key, refresh=refresh, on_wait=waiting) as work:
        reused = work.artifact
        run = record.tracking.stage(
            stage.name,
            stage.kind,
            stage.key.fingerprint,
            resume_run_id=None if reused else work.recall().get("tracking_run"),
            reused_from=str(reused.record.get("tracking_run") or reused.folder) if reused else None,
        )
        try:
            if reused is None:
                work.remember(tracking_run=run.run_id)
                _build(plan, stage, build, work, run)
        except BaseException:
            run.close("FAILED")
            raise
    artifact = work.artifact
    if artifact is None:
        raise RuntimeError(f"{stage.label}: the store gave back neither an artifact nor an error")
    run.artifact(artifact.folder / "manifest.json", "manifests")
    run.summary(headline_metrics(artifact.folder))
    run.close("FINISHED")
    outcome = StageOutcome(
        kind=stage.kind,
        name=stage.name,
        fingerprint=artifact.fingerprint,
        folder=artifact.folder.relative_to(plan.store.root),
        reused=reused is not None,
        seconds=round(time.monotonic() - started, 3),
        headline=headline(artifact.folder),
        tracking_run=run.run_id,
    )
    live.stage_ends(outcome)
    result: dict[str, Any] = json.loads(outcome.model_dump_json())
    return Completed(name="Reused", message=f"{stage.label}: {outcome.headline}", data=result) if reused else result


def _build(plan: Plan, stage: PlannedStage, build: Builder, work: Work, run: StageRun) -> None:
    """Runs the builder with what every stage records: what it read, how long it took, what energy it used."""
    started = time.monotonic()
    live.stage_starts(stage.label)
    for role, fingerprint in stage.key.inputs.items():
        run.input(role, fingerprint, stage.reads.get(role, role))
    run.params({"format": stage.key.format, "fingerprint": stage.key.fingerprint})
    with measure(plan.tracking.energy.watts_per_core) as meter:
        build(plan, stage, work, run)
    energy = meter.reading
    seconds = round(time.monotonic() - started, 3)
    run.summary({"energy/kwh": energy.kwh, "stage/seconds": seconds})
    run.params({"energy_method": energy.method})
    work.record.update(tracking_run=run.run_id, seconds=seconds, energy={"kwh": energy.kwh, "method": energy.method})
