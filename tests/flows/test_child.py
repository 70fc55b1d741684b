"""Children: how their end reaches the flow, and that neither a line nor a process is left over."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows import child
from flows.child import ChildFailed, ChildRefused, run_child

JOB = '''
"""A child that does what its spec says; every process of it first writes its own and its parent's number."""

import json, os, signal, sys
from pathlib import Path

def main(arguments):
    spec = json.loads(Path(arguments[0]).read_text())
    with open(spec["follow"], "a", buffering=1) as file:
        file.write(json.dumps({"pid": os.getpid(), "launcher": os.getppid()}) + "\\n")
        for line in spec.get("lines", []):
            file.write(json.dumps(line) + "\\n")
    if "say" in spec:
        print("some lines before")
        print(spec["say"], file=sys.stderr)
    if spec.get("fail"):
        raise ZeroDivisionError("in the middle of it")
    if spec.get("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if spec.get("wait"):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.pause()
    return spec.get("status", 0)
'''
FLOW = """
import sys
from pathlib import Path
from flows.child import run_child
run_child("a_job", Path(sys.argv[1]), Path(sys.argv[2]), lambda line: print(line["pid"], line["launcher"], flush=True))
"""
LIMIT_SECONDS = 60

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def on_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the module `a_job`, which any launcher started here can import."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "a_job.py").write_text(JOB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setattr(child, "_idle", [])  # one that runs already knows no `a_job`
        yield folder
        for launcher in child._idle:
            launcher.kill()


def write_spec(work: Path, **told: Any) -> Path:
    path = work / "spec.json"
    path.write_text(json.dumps({"follow": str(work / "metrics.jsonl"), **told}))
    return path


@pytest.fixture
def run(on_path: Path, tmp_path: Path) -> Run:
    """Runs a job to its end and returns the lines that were handed on; each job writes into a file of its own."""

    def run(**told: Any) -> list[dict[str, Any]]:
        handed: list[dict[str, Any]] = []
        (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
        run_child("a_job", write_spec(tmp_path, **told), tmp_path, handed.append)
        return handed

    return run


def ended(process: int) -> bool:
    """Waits for the end of a process that is nobody's of this test; whether it came."""
    if not psutil.pid_exists(process):
        return True
    gone, _ = psutil.wait_procs([psutil.Process(process)], timeout=LIMIT_SECONDS)
    return bool(gone)


def metric(step: int, seconds: float, name: str = "train/loss") -> dict[str, Any]:
    return {"step": step, "seconds": seconds, "metrics": {name: 1.0}}


def append(path: Path, *lines: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def test_every_line_of_a_job_is_handed_on_in_order(run: Run) -> None:
    lines = [metric(1, 0.1), metric(2, 0.2), metric(2, 0.3, "validation/loss")]
    assert run(lines=lines)[1:] == lines


def test_several_jobs_share_a_launcher_and_have_a_process_each(run: Run) -> None:
    (first,), (second,) = run(), run()
    assert first["launcher"] == second["launcher"] != os.getpid()
    assert first["pid"] != second["pid"]


def test_exit_status_2_is_a_refusal_in_the_words_of_the_child(run: Run) -> None:
    with pytest.raises(ChildRefused) as caught:
        run(status=2, say="error: stage.peak_lr: 0 given, more than 0 allowed")
    assert str(caught.value) == "stage.peak_lr: 0 given, more than 0 allowed"


def test_an_exception_is_a_failure_that_names_the_log(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed) as caught:
        run(fail=True)
    log = tmp_path / "child.log"
    assert str(caught.value) == (
        f"a_job: exit status 1: ZeroDivisionError: in the middle of it (all it printed: {log})"
    )
    assert "Traceback" in log.read_text()


def test_a_failure_quotes_its_own_attempt_and_not_the_one_before(run: Run) -> None:
    with pytest.raises(ChildFailed, match="the first"):
        run(status=1, say="the first")
    with pytest.raises(ChildFailed, match="exit status 1: it printed nothing"):
        run(status=1)


def test_a_killed_child_is_a_failure_that_names_the_signal(run: Run) -> None:
    with pytest.raises(ChildFailed, match=r"^a_job: killed by signal 9: it printed nothing \(all it printed: "):
        run(kill=True)


def test_after_every_bad_end_the_same_launcher_takes_the_next_job(run: Run) -> None:
    (before,) = run()
    for told in ({"status": 2}, {"fail": True}, {"kill": True}):
        with pytest.raises((ChildRefused, ChildFailed)):
            run(**told)
    (after,) = run()
    assert before["launcher"] == after["launcher"]


def test_a_killed_launcher_is_a_failure_and_the_next_job_gets_a_new_one(run: Run, tmp_path: Path) -> None:
    def kill(line: dict[str, Any]) -> None:
        os.kill(line["launcher"], signal.SIGKILL)

    with pytest.raises(ChildFailed, match="a_job: killed by signal 9"):
        run_child("a_job", write_spec(tmp_path, wait=True), tmp_path, kill)
    orphan = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert ended(orphan["pid"])
    (after,) = run()
    assert after["launcher"] != orphan["launcher"]


def test_jobs_of_several_threads_run_at_once_and_can_all_be_stopped(on_path: Path, tmp_path: Path) -> None:
    """Each waits for a signal, so the first would keep the second from starting if they were not side by side."""
    both = threading.Barrier(3)
    processes: list[dict[str, Any]] = []

    def work(folder: Path) -> None:
        def started(line: dict[str, Any]) -> None:
            processes.append(line)
            both.wait(LIMIT_SECONDS)

        folder.mkdir()
        run_child("a_job", write_spec(folder, wait=True), folder, started)

    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(work, tmp_path / name) for name in ("one", "other")]
        both.wait(LIMIT_SECONDS)
        child.stop_all()
        for ended_job in waiting:
            assert isinstance(ended_job.exception(LIMIT_SECONDS), ChildFailed)
    assert len({line["launcher"] for line in processes}) == 2
    assert not any(psutil.pid_exists(line["pid"]) for line in processes)


def test_whatever_ends_the_flow_ends_the_job_first(run: Run, tmp_path: Path) -> None:
    processes = []

    def interrupt(line: dict[str, Any]) -> None:
        processes.append(line["pid"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child("a_job", write_spec(tmp_path, wait=True), tmp_path, interrupt)
    assert not psutil.pid_exists(processes[0])
    assert len(run()) == 1


def test_a_killed_flow_leaves_neither_job_nor_launcher(on_path: Path, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, wait=True)
    flow = subprocess.Popen([sys.executable, "-c", FLOW, spec, tmp_path], stdout=subprocess.PIPE, text=True)
    with flow:
        assert flow.stdout is not None
        job, launcher = map(int, flow.stdout.readline().split())
        assert psutil.Process(job).is_running()
        flow.kill()
    assert ended(job)
    assert ended(launcher)


def test_a_line_is_handed_on_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    follower = child._Follower(file)
    assert list(follower.lines()) == []
    whole = json.dumps(metric(1, 0.1)) + "\n"
    file.write_text(whole[:20])
    assert list(follower.lines()) == []
    file.write_text(whole)
    assert list(follower.lines()) == [metric(1, 0.1)]
    assert list(follower.lines()) == []


def test_a_file_cut_back_gives_each_step_once(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    follower = child._Follower(file)
    append(file, metric(10, 1.0), metric(20, 2.0), metric(30, 3.0))
    assert [line["step"] for line in follower.lines()] == [10, 20, 30]
    os.truncate(file, len(file.read_bytes().splitlines(keepends=True)[0]))
    append(file, metric(20, 2.5))
    assert list(follower.lines()) == []
    append(file, metric(30, 3.5), metric(40, 4.5))
    assert [line["step"] for line in follower.lines()] == [40]


def test_a_file_begun_anew_gives_its_new_lines_only(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    follower = child._Follower(file)
    append(file, metric(10, 1.0))
    assert [line["step"] for line in follower.lines()] == [10]
    file.write_bytes(b"")
    assert list(follower.lines()) == []
    assert list(follower.lines()) == []
    append(file, metric(10, 1.5), metric(20, 2.5))
    assert [line["step"] for line in follower.lines()] == [20]


def test_a_file_cut_back_and_grown_beyond_between_two_looks_gives_each_step_once(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    follower = child._Follower(file)
    append(file, metric(10, 1.0), metric(20, 2.0))
    assert [line["step"] for line in follower.lines()] == [10, 20]
    os.truncate(file, len(file.read_bytes().splitlines(keepends=True)[0]))
    append(file, metric(20, 2.123), metric(30, 3.5), metric(30, 3.6, "validation/loss"), metric(40, 4.5))
    assert [(line["step"], *line["metrics"]) for line in follower.lines()] == [
        (30, "train/loss"), (30, "validation/loss"), (40, "train/loss"),
    ]  # fmt: skip
