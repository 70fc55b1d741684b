"""Runs training and evaluation in a child process and follows what it writes.

Children run in Python's safe-path mode: a `data/` folder where the user happens to stand must not become the package.

Several children may run at once, each asked for by a thread of its own and forked by a launcher of its own.

Lightning must not re-execute a flow file, and a killed trainer must not take the flow with it: so it is always a child,
on one CPU too. It reads a spec and appends to `metrics.jsonl`; this side tails the file.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.2
TERMINATE_SECONDS = 60.0
"""How long a child may take to write its checkpoint after SIGTERM."""
BAD_INPUT = 2
"""Exit status of a child whose input cannot be used; its last line says why."""


class ChildFailed(RuntimeError):
    """A child process ended with an error; the message is its own last words."""


class ChildRefused(ValueError):
    """A child process found that what it was given cannot be used; the message is its own."""


def run_child(
    module: str,
    spec: Path,
    work: Path,
    on_line: Callable[[dict[str, Any]], None],
    *,
    follow: str = "metrics.jsonl",
    devices: int = 1,
) -> None:
    """Runs a child to its end, handing on each line of a file of JSON lines as it appears.

    Args:
        module: 'lightning_modules.train' or 'lightning_modules.evaluate'.
        spec: the JSON file it obeys.
        work: the stage's work folder; gets `child.log` with all that the child prints.
        on_line: called with every line, those of an earlier, killed attempt first.
        follow: name of the file in `work` that the child appends to.
        devices: processes of the child; several run under torchrun.

    Raises:
        ChildRefused: the child exited with status 2.
        ChildFailed: it exited with any other error, was killed, or told to stop by `stop_all`.
    """
    log = work / "child.log"
    start = log.stat().st_size if log.exists() else 0
    launcher = _take()
    job = launcher.start({"module": module, "spec": str(spec), "log": str(log), "processes": devices})
    follower = _Follower(work / follow)
    try:
        _jobs.add(job)
        while (status := job.poll()) is None:
            for line in follower.lines():
                on_line(line)
            time.sleep(POLL_SECONDS)
    except BaseException:  # whatever ends the flow (a cancelled run, Ctrl-C) must not leave a trainer behind
        job.stop()
        patience = time.monotonic() + TERMINATE_SECONDS
        while job.poll() is None and time.monotonic() < patience:
            time.sleep(POLL_SECONDS)
        if job.poll() is None:
            job.kill()
        raise
    finally:
        _jobs.discard(job)
        _give_back(launcher)
    for line in follower.lines():
        on_line(line)
    if status == 0:
        return
    with log.open("rb") as output:
        output.seek(start)
        said = output.read().decode(errors="replace").strip().splitlines()
    last = said[-1] if said else "it printed nothing"
    # torchrun ends with a status of its own, and after a report of its own.
    refusal = next((line for line in reversed(said) if line.startswith("error: ")), None)
    if refusal and (status == BAD_INPUT or devices > 1):
        raise ChildRefused(refusal.removeprefix("error: "))
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    raise ChildFailed(f"{module}: {how}: {last} (all it printed: {log})")


def warm_up() -> None:
    """Lets a launcher import torch and Lightning while other work goes on."""
    _give_back(_take())


def stop_all() -> None:
    """Tells all children of this process to save and end; the threads that wait for them see a failure."""
    for job in list(_jobs):
        with contextlib.suppress(OSError):  # its launcher has just died, and it with that
            job.stop()


class _Launcher:
    """The process that forks our jobs (`lightning_modules/launcher.py`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lightning_modules.launcher"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.kill)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def start(self, job: dict[str, Any]) -> _Job:
        self.send(job)
        return _Job(self)

    def send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any] | None:
        """The next answer if there is one; when the launcher died, how."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], 0)[0]:
            return None
        line = self._process.stdout.readline()
        if not line:
            return {"status": self._process.wait() or 1}
        said: dict[str, Any] = json.loads(line)
        return said

    def kill(self) -> None:
        """Ends it and, because its standard input ends, the job it waits for."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class _Job:
    """A job that the launcher forked."""

    def __init__(self, launcher: _Launcher) -> None:
        self._launcher = launcher
        self._status: int | None = None

    def poll(self) -> int | None:
        while self._status is None and (answer := self._launcher.answer()) is not None:
            self._status = answer.get("status")
        return self._status

    def stop(self) -> None:
        self._launcher.send({"stop": True})

    def kill(self) -> None:
        self._launcher.kill()


_idle: list[_Launcher] = []
"""Launchers of this process that wait for a job."""
_idle_lock = threading.Lock()
_jobs: set[_Job] = set()
"""Jobs that are running."""


def _take() -> _Launcher:
    """A launcher without a job; a new one where there is none."""
    with _idle_lock:
        while _idle:
            launcher = _idle.pop()
            if launcher.alive:
                return launcher
        return _Launcher()


def _give_back(launcher: _Launcher) -> None:
    with _idle_lock:
        if launcher.alive:
            _idle.append(launcher)


class _Follower:
    """Reads whole new lines of a growing file, each once.

    A resumed child cuts the file back to its checkpoint and writes the same steps again: then it is read from the
    start, and what was already handed on is passed over. By the next look the file may be longer than it was, so not
    its length tells but the last line read: the same step done again has another time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.last = b""
        self.handed: set[tuple[Any, ...]] = set()

    def lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as handle:
            handle.seek(self.offset - len(self.last))
            if handle.read(len(self.last)) != self.last:
                self.offset, self.last = handle.seek(0), b""
            for raw in handle:
                if not raw.endswith(b"\n"):
                    break
                self.offset += len(raw)
                self.last = raw
                line = json.loads(raw)
                # Times differ when a step is done again; what was measured at it does not.
                identity = (line["step"], *sorted(line["metrics"])) if "step" in line else (raw,)
                if identity not in self.handed:
                    self.handed.add(identity)
                    yield line
