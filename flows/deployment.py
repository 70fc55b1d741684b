"""What a Prefect server must know to run the flows.

That is the work pools, the deployments of `prefect.yaml`, and the automation that gives up runs whose machine is gone.
Doing it again is safe: it adds nothing twice, and a schedule stays on or off as it was switched.
"""

import subprocess
import sys
from datetime import timedelta

import yaml
from prefect.automations import AutomationCore, EventTrigger, Posture, ResourceSpecification
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule, StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from flows.plan import project_folder

ZOMBIES = "Crash zombie flows"
SILENCE = timedelta(minutes=5)
"""Ten heartbeats of `prefect.yaml`: a machine at full load must not lose a healthy run."""


def deploy_all() -> list[str]:
    """Sends every deployment of the project's `prefect.yaml` to the server of `PREFECT_API_URL`.

    Returns:
        Lines that say what is there now, and what to do next.

    Raises:
        FileNotFoundError: the project has no `prefect.yaml`.
        ConnectionError: no server is named.
        RuntimeError: Prefect refused a deployment; the message is Prefect's.
    """
    project = project_folder()
    file = project / "prefect.yaml"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: not found; run this in the project's folder, or write one (docs/how-to-deploy.md)"
        )
    server = PREFECT_API_URL.value()
    if not server:
        raise ConnectionError(
            "no Prefect server: PREFECT_API_URL is not set. Start one with `prefect server start`, "
            "then `export PREFECT_API_URL=http://127.0.0.1:4200/api`"
        )
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    names = [f"{entry['entrypoint'].rpartition('.')[2]}/{entry['name']}" for entry in entries]
    with get_client(sync_client=True) as client:
        pools = sorted({entry["work_pool"]["name"] for entry in entries})
        for pool in pools:
            create_work_pool(client, pool)
        before = {name: read_schedules(client, name) for name in names}
        command = [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{file}: `prefect deploy --all` failed:\n{done.stdout}{done.stderr}")
        for name in names:
            keep_schedules(client, name, before[name])
        crash_zombies(client, SILENCE)
    return [
        f"{server}: {', '.join(names)}",
        *(f"start a worker: prefect worker start --pool {pool}" for pool in pools),
        f"run one: prefect deployment run {names[0]} --watch",
    ]


def create_work_pool(client: SyncPrefectClient, name: str) -> None:
    """Makes the process work pool `name` unless the server has one of that name, of whatever type."""
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))


def read_schedules(client: SyncPrefectClient, name: str) -> list[DeploymentSchedule]:
    """Returns the schedules of the deployment `name`; none when it is new."""
    try:
        return client.read_deployment_schedules(client.read_deployment_by_name(name).id)
    except ObjectNotFound:
        return []


def keep_schedules(client: SyncPrefectClient, name: str, before: list[DeploymentSchedule]) -> None:
    """Gives the deployment `name` back what deploying again took from it.

    Prefect switches a schedule of the file on or off as the file says, and drops one made in the UI without a slug.
    """
    deployment = client.read_deployment_by_name(name).id
    after = client.read_deployment_schedules(deployment)
    for old in before:
        same = [new for new in after if (new.slug == old.slug if old.slug else new.schedule == old.schedule)]
        if not same:
            kept = old.model_dump(include={"schedule", "active", "max_scheduled_runs", "parameters", "slug"})
            client.create_deployment_schedules(deployment, [DeploymentScheduleCreate(**kept)])
        elif same[0].active != old.active:
            client.update_deployment_schedule(deployment, same[0].id, active=old.active)


def crash_zombies(client: SyncPrefectClient, silence: timedelta) -> None:
    """Makes the server give the state Crashed to a run whose heartbeats stopped for `silence` without an end.

    Only runs with `PREFECT_FLOWS_HEARTBEAT_FREQUENCY` set have heartbeats; `prefect.yaml` sets it. Without this, a run
    whose machine was lost stays Running for ever and keeps its concurrency slot.
    """
    run_ends = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed")}
    automation = AutomationCore(
        name=ZOMBIES,
        description="A run without a heartbeat has lost its machine.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat"} | run_ends,
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"No heartbeat for {silence.seconds} s.")],
    )
    existing = client.read_automations_by_name(ZOMBIES)
    if existing:
        client.update_automation(existing[0].id, automation)
    else:
        client.create_automation(automation)
