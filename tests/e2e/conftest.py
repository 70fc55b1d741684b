"""A real Prefect server, deployments and worker, all on loopback and all under one temporary folder.

Nothing here is mocked: each piece is a process of its own, health-checked before it is used and stopped by its process
group afterwards. Limits are generous, because a loaded machine of two cores may need a minute for what takes seconds.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

Found = TypeVar("Found")

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
RUN_LIMIT_SECONDS = 600.0
"""For one run of `smoke` through a deployment: about a minute on a quiet machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(1200))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Found | None], what: str, limit_seconds: float = 180) -> Found:
    """Returns the first truthy result of `condition`, asked every half second; fails after `limit_seconds`."""
    deadline = time.monotonic() + limit_seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {limit_seconds:.0f} s"
        time.sleep(0.5)
    return found


@contextmanager
def background(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `command` in a process group of its own and ends the whole group on leaving."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        for end, patience_seconds in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
            try:
                os.killpg(process.pid, end)
                process.wait(patience_seconds)
                break
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break


class Patient(httpx.HTTPTransport):
    """Asks again for a minute while the server answers 503, as Prefect's own client does: its SQLite was locked."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + 60
        while (response := super().handle_request(request)).status_code == 503 and time.monotonic() < deadline:
            response.close()
            time.sleep(0.5)
        return response


@dataclass
class Workplace:
    """The folder, the environment and the API of one server."""

    folder: Path
    environment: dict[str, str]
    api: httpx.Client

    free_port = staticmethod(free_port)
    wait_for = staticmethod(wait_for)

    @property
    def store(self) -> Path:
        return Path(self.environment["STAGELM_STORE"])

    def command(self, *arguments: str, limit_seconds: float = RUN_LIMIT_SECONDS) -> subprocess.CompletedProcess[str]:
        """Runs one of the environment's programs as a user would; stdout and stderr come together."""
        return subprocess.run(
            [str(BIN / arguments[0]), *arguments[1:]],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit_seconds,
            check=False,
        )

    def get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self.api.post(path, json=body).raise_for_status().json()

    def flow_run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/flow_runs/{run}")
        return found

    def start(self, deployment: str, parameters: dict[str, Any] | None = None, **env: str) -> str:
        """Creates a run of `deployment` ('pipeline/smoke'), with `env` in its process; returns its id."""
        identity = self.get(f"/deployments/name/{deployment}")["id"]
        variables = {"env": self.get(f"/deployments/{identity}")["job_variables"]["env"] | env}
        body = {"parameters": parameters or {}, "job_variables": variables, "state": {"type": "SCHEDULED"}}
        return str(self.post(f"/deployments/{identity}/create_flow_run", **body)["id"])

    def ended(self, run: str, limit_seconds: float = RUN_LIMIT_SECONDS) -> dict[str, Any]:
        """Waits until the flow run `run` has an end, whatever end, and returns it."""
        ends = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return wait_for(
            lambda: found if (found := self.flow_run(run))["state_type"] in ends else None, f"run {run}", limit_seconds
        )

    def background(self, command: list[str], log: str, **env: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return background(command, self.environment | env, self.folder / log)

    def records(self, store: Path) -> list[dict[str, Any]]:
        """What runs of the pipeline left in `store`, oldest first."""
        files = (store / "runs").glob("*.json")
        return sorted((json.loads(file.read_text()) for file in files), key=lambda record: str(record["started"]))

    def reuse(self, store: Path) -> dict[str, bool]:
        """Stage ('weights/foundation') of the newest run in `store` -> whether it was reused."""
        return {f"{stage['kind']}/{stage['name']}": stage["reused"] for stage in self.records(store)[-1]["stages"]}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A Prefect server with nothing on it."""
    folder = tmp_path_factory.mktemp("e2e")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
        "STAGELM_STORE": str(folder / "store"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    # The data bundle may be downloaded once for all tests, and kept between them.
    environment.setdefault("STAGELM_CACHE", str(folder / "cache"))
    log = folder / "server.log"
    start = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (
        background(start, environment, log) as process,
        httpx.Client(base_url=url, timeout=60, transport=Patient()) as api,
    ):

        def healthy() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return api.get("/health").is_success
            except httpx.TransportError:
                return False

        wait_for(healthy, f"Prefect server (log: {log})", 180)
        yield Workplace(folder, environment, api)


@pytest.fixture(scope="session")
def workplace(server: Workplace) -> Iterator[Workplace]:
    """The server with all deployments and a worker that takes their runs."""
    done = server.command("stagelm", "deploy")
    assert done.returncode == 0, done.stdout
    start = [str(BIN / "prefect"), "worker", "start", "--pool", "local", "--name", "tests"]
    with server.background(start, "worker.log"):
        yield server


@pytest.fixture(scope="session")
def uninterrupted(workplace: Workplace) -> Path:
    """The store after one run of `smoke` that nothing disturbed."""
    done = workplace.command("prefect", "deployment", "run", "pipeline/smoke", "--watch")
    assert done.returncode == 0, done.stdout
    return workplace.store


@pytest.fixture
def browser():
    """A headless Chromium; where there is none, tests of pages say that they did not look."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO BROWSER: no page was looked at. Install Debian's chromium to have it done")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
