"""What `stagelm doctor` looks at; each check says what it saw and, where it fails, what to do."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flows.embedded import quiet_prefect
from flows.plan import project_folder
from flows.store import Store
from flows.tracking.settings import TrackingSettings, load_settings

LEAST_FREE_BYTES = 2 * 10**9
LATE_SECONDS = 120.0
"""A scheduled run that has waited so long has no worker."""


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    good: bool
    detail: str


def checks() -> Iterator[Check]:
    """All checks, the quick ones first."""
    yield _versions()
    store = Store.default(project_folder())
    yield _store(store)
    settings = load_settings(project_folder(), store.root)
    yield _tracking(settings)
    yield _prefect()
    yield _accelerator()


def _versions() -> Check:
    from packaging.requirements import Requirement

    wrong = []
    required = [Requirement(text) for text in importlib.metadata.requires("stagelm") or []]
    needed = [requirement for requirement in required if not requirement.marker or requirement.marker.evaluate()]
    for requirement in needed:
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    if any(distribution.metadata["Name"] == "lightning" for distribution in importlib.metadata.distributions()):
        wrong.append(
            "both lightning and pytorch-lightning are installed, and their classes do not mix: uninstall lightning"
        )
    if wrong:
        return Check("versions", False, "; ".join(wrong) + " (pip install -c constraints.txt -e .)")
    return Check("versions", True, f"{len(needed)} requirements in range")


def _store(store: Store) -> Check:
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store.root):
            free = shutil.disk_usage(store.root).free
    except OSError as error:
        return Check(
            "store", False, f"{store.root}: {error.strerror}; set STAGELM_STORE to a folder that can be written"
        )
    enough = free > LEAST_FREE_BYTES
    return Check(
        "store", enough, f"{store.root}, {free / 1e9:.0f} GB free{'' if enough else '; make room: stagelm gc'}"
    )


def _tracking(settings: TrackingSettings) -> Check:
    from flows.tracking.client import reachable

    problem = reachable(settings)
    return Check("mlflow", problem is None, problem or f"{settings.tracking} answers")


def _prefect() -> Check:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Check("prefect", True, "no PREFECT_API_URL: runs use the embedded API, and nothing is scheduled")
    quiet_prefect()
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName

    scheduled = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Scheduled", "Late"])))
    try:
        with get_client(sync_client=True) as client:
            waiting = client.read_flow_runs(flow_run_filter=scheduled, limit=200)
            active = [d for d in client.read_deployments(limit=200) if any(s.active for s in d.schedules)]
    except Exception as error:  # whatever the client raises: the answer is that the server cannot be used
        return Check("prefect", False, f"{url}: {error}; start it with: prefect server start")
    if active and not waiting:
        names = ", ".join(deployment.name for deployment in active)
        return Check(
            "prefect", False, f"{url}: {names} scheduled, but the scheduler created no run; is sqlalchemy below 2.1?"
        )
    late = [
        r for r in waiting if r.expected_start_time and time.time() - r.expected_start_time.timestamp() > LATE_SECONDS
    ]
    if late:
        return Check(
            "prefect", False, f"{url}: {len(late)} runs are late; start a worker: prefect worker start --pool local"
        )
    return Check("prefect", True, f"{url} answers, {len(waiting)} runs scheduled")


def _accelerator() -> Check:
    import torch

    from lightning_modules.hardware import HardwareConfig, resolve

    hardware = resolve(HardwareConfig())
    name = torch.cuda.get_device_name(0) if hardware.accelerator == "cuda" else f"{hardware.threads} CPU threads"
    return Check("accelerator", True, f"{name}, {hardware.precision}; torch {torch.__version__}")
