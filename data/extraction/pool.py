"""Processes that extract, one a core; a document that is too much for one ends it, and another takes its place."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

MAX_PROCESSES = 8


@dataclass(frozen=True)
class Extraction:
    """The text of a document, or why it has none."""

    text: str = ""
    defect: str | None = None
    """'no_main_text', 'extraction_failed', 'extraction_too_slow'."""


class ExtractionPool:
    """Hands documents to the processes. A thread waits for each, so none is started before there is work for it."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._threads = ThreadPoolExecutor(processes, "extraction")
        self._of_thread = threading.local()
        self._children: set[subprocess.Popen[bytes]] = set()

    def submit(self, kind: str, content: bytes, hint: str = "") -> Future[Extraction]:
        """Promises the text of a document; see `EXTRACTORS` for kinds and hints.

        The promise fails with RuntimeError when a process cannot work at all, as where a library is missing.
        """
        return self._threads.submit(self._extract, kind, content, hint)

    def close(self) -> None:
        """Ends the processes; what is still waiting is given up."""
        self._threads.shutdown(cancel_futures=True)
        for child in list(self._children):
            self._end(child)

    def _extract(self, kind: str, content: bytes, hint: str) -> Extraction:
        child = self._child()
        assert child.stdin is not None
        assert child.stdout is not None
        task = json.dumps({"kind": kind, "hint": hint, "size": len(content)}).encode() + b"\n"
        answer = b""
        try:
            child.stdin.write(task + content)
            child.stdin.flush()
            answer = child.stdout.readline()
        except BrokenPipeError:
            pass
        if answer.endswith(b"\n"):
            return Extraction(**json.loads(answer))
        self._of_thread.child = None
        status = self._end(child)
        if status >= 0:
            raise RuntimeError(f"the process that extracts {kind} ended with status {status}; what it said is above")
        return Extraction(defect="extraction_too_slow" if status == -signal.SIGPROF else "extraction_failed")

    def _child(self) -> subprocess.Popen[bytes]:
        """This thread's process."""
        child: subprocess.Popen[bytes] | None = getattr(self._of_thread, "child", None)
        if child is None:
            # Safe-path mode: a `data/` folder where the user happens to stand must not become the package.
            command = [sys.executable, "-P", "-m", "data.extraction.child"]
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._children.add(child)
            self._of_thread.child = child
        return child

    def _end(self, child: subprocess.Popen[bytes]) -> int:
        """Closes both pipes and waits; returns the exit status."""
        self._children.discard(child)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # what it was still to read
                    continue
        return child.wait()


@cache
def shared_pool() -> ExtractionPool:
    """The pool of this process; started when first asked for, ended at its exit."""
    pool = ExtractionPool(min(MAX_PROCESSES, os.cpu_count() or 1))
    atexit.register(pool.close)
    return pool
