"""`python -m lightning_modules.launcher`: imports torch and Lightning once, then forks a process for every spec.

A pipeline starts a dozen short trainings and evaluations; importing the libraries takes each of them longer than a
small stage's own work. The launcher itself computes nothing, so a fork of it is as good as a fresh process: no thread
and no device context exists before.

Protocol, one JSON object a line. In: {"module": ..., "spec": path, "log": path, "processes": n} starts a job (several
processes run under torchrun, which imports for itself), {"stop": true} sends it SIGTERM. Out: {"ready": true} once,
then {"status": n} at the end of each job, n as in `subprocess` (-9: killed by signal 9). When standard input ends,
whoever gave the jobs is gone: the job is killed, because another may soon be started on the same folder.
"""

import ctypes
import importlib
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import BinaryIO, NoReturn

MODULES = ("lightning_modules.train", "lightning_modules.evaluate")
"""What can be launched: modules with `main(arguments: list[str]) -> int`."""
WAIT_SECONDS = 0.1


def main() -> None:
    """Serves jobs, one at a time, until standard input ends."""
    # Everything that an import prints must not reach the protocol.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for module in MODULES:
        importlib.import_module(module)
    requests = os.fdopen(0, "rb", buffering=0)
    print(json.dumps({"ready": True}), file=answers)
    while line := requests.readline():
        job = json.loads(line)
        if "stop" in job:
            continue  # it ended by itself just before
        process = os.fork()
        if process == 0:
            answers.close()  # or a reader would not see the launcher's end before the job's
            _run(job["module"], job["spec"], job["log"], job["processes"])
        print(json.dumps({"status": _wait(process, requests)}), file=answers)


def _run(module: str, spec: str, log: str, processes: int) -> NoReturn:
    """The forked process: the module's `main`, or torchrun with it, with its output in the log."""
    status = 1
    try:
        end_with_parent()
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(written, 1)
        os.dup2(written, 2)
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115  (for as long as the process lives)
        if processes > 1:
            torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", module, spec]
            # Safe path: a folder `data/` where the user stands must not become the package, in its workers neither.
            os.execve(sys.executable, [sys.executable, "-m", *torchrun], {**os.environ, "PYTHONSAFEPATH": "1"})
        status = importlib.import_module(module).main([spec])
    except SystemExit as request:
        status = request.code if isinstance(request.code, int) else int(request.code is not None)
    except BaseException:  # the last place that can say what happened
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def end_with_parent() -> None:
    """Asks Linux to kill this process when the one that started it ends, however that ends.

    A job without its flow would go on writing into a work folder that the next run takes over. Killed rather than
    terminated, so that it cannot save a checkpoint over that run's. Elsewhere than on Linux nothing is done.
    """
    if sys.platform == "linux":
        parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def _wait(process: int, requests: BinaryIO) -> int:
    """Waits for the job, passing on a request to stop it."""
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if not select.select([requests], [], [], WAIT_SECONDS)[0]:
            continue
        if not requests.readline():
            os.kill(process, signal.SIGKILL)
            sys.exit(1)
        os.kill(process, signal.SIGTERM)


if __name__ == "__main__":
    main()
