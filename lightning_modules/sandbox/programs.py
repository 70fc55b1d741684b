"""Runs a program with its tests, in a process of its own that may do nothing but compute.

What is kept from it, and how, is in `child.py`. This guards the machine against what a model happens to write; it does
not guard the verdict against somebody who knows this file: program and tests share an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from data.config import Config
from lightning_modules.sandbox import child

Verdict = Literal["passed", "failed", "timed out"]


class Limits(Config):
    """What a program may use."""

    cpu_seconds: int = Field(4, gt=0)
    """Of one core; the start of the interpreter is part of it."""
    wall_factor: int = Field(10, gt=1)
    """It is ended after so many times `cpu_seconds` by the clock: a program that sleeps uses no core."""
    memory_bytes: int = Field(2**29, ge=2**27)
    """Address space, the interpreter's own 60 MB included."""


@lru_cache(maxsize=2**14)
def run_program(program: str, tests: str, limits: Limits = Limits()) -> Verdict:  # noqa: B008  (frozen)
    """Runs Python statements, then tests that fail where these are wrong.

    Equal requests are run once: metrics of one family ask for the same verdicts.

    Raises:
        ValueError: this system cannot confine a program, and none is run.
    """
    request = {"program": program, "tests": tests, **limits.model_dump(exclude={"wall_factor"})}
    with tempfile.TemporaryDirectory() as empty:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(Path(child.__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=empty,
            env={},
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(request).encode(), timeout=limits.cpu_seconds * limits.wall_factor)
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == child.NO_FILTER:
        raise ValueError(
            "programs that a model has written are run only where the kernel can confine them: Linux with seccomp, on "
            "x86-64 or ARM64; leave tasks of kind 'code' out on this machine"
        )
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "timed out"
    return "passed" if process.returncode == child.PASSED else "failed"
