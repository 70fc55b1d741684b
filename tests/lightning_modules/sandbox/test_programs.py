"""What a program that a model has written can do: compute, and nothing else."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lightning_modules.sandbox import Limits, run_program
from lightning_modules.sandbox.child import filter_program

FAST = Limits(cpu_seconds=1, wall_factor=2)


def raises(statement: str, kind: str = "PermissionError") -> str:
    """A program that passes exactly where the statement is forbidden."""
    return f"try:\n    {statement}\nexcept {kind}:\n    pass\nelse:\n    raise AssertionError('allowed')"


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("def add(a, b):\n    return a + b", "passed"),
        ("def add(a, b):\n    return a - b", "failed"),
        ("def add(a, b)\n    return a + b", "failed"),
        ("import sys\nsys.exit(0)", "failed"),
        ("import os\nos._exit(0)", "failed"),
        ("import math, re, collections, heapq\nadd = lambda a, b: math.trunc(a + b)", "passed"),
        ("def add(a, b):\n    '''两数之和'''\n    return a + b", "passed"),
        ("def add(a, b):\n    return add(a, b)", "failed"),
    ],
)
def test_a_program_passes_if_its_tests_do(program: str, verdict: str):
    assert run_program(program, "assert add(2, 3) == 5") == verdict


@pytest.mark.parametrize(
    "attack",
    [
        raises("open('left_behind', 'w')"),
        raises("open('/etc/passwd')"),
        raises("open('/proc/%d/environ' % __import__('os').getpid())"),
        raises("__import__('os').open('/dev/shm/x', 0o102)"),
        raises("__import__('os').fork()"),
        raises("__import__('os').kill(1, 9)"),
        raises("__import__('os').execv('/bin/sh', ['sh'])"),
        raises("__import__('os').unlink('/tmp/nothing')"),
        raises("__import__('os').mkdir('folder')"),
        raises("__import__('os').listdir('/')"),
        raises("__import__('_posixsubprocess')", "ImportError"),
        raises("__import__('socket')", "ImportError"),
        raises("__import__('_thread').start_new_thread(print, ())", "RuntimeError"),
    ],
)
def test_files_processes_and_modules_are_out_of_reach(attack: str):
    assert run_program("", attack) == "passed"


def test_the_kernel_refuses_what_python_cannot_be_kept_from():
    calls = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.socket(2, 1, 0) == -1 and ctypes.get_errno() == 1
assert libc.fork() == -1 and ctypes.get_errno() == 1
assert libc.syscall(435, 0, 0) == -1
"""
    assert run_program("", calls) == "passed"


def test_no_environment_and_an_empty_folder_come_with_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET", "key")
    assert run_program("import os", "assert dict(os.environ) == {} or list(os.environ) == ['LC_CTYPE']") == "passed"


@pytest.mark.parametrize("attack", ["while True: pass", "import time\ntime.sleep(60)", "x = 9 ** 9 ** 9"])
def test_what_does_not_end_is_ended(attack: str):
    start = time.monotonic()

    assert run_program(attack, "", FAST) == "timed out"
    assert time.monotonic() - start < 30


def commands() -> list[bytes]:
    """The command lines of all processes."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(entry.read_bytes())
    return found


def test_a_fork_bomb_starts_nothing():
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except PermissionError:\n        break"

    assert run_program(bomb, "") == "passed"
    assert not [command for command in commands() if b"sandbox/child.py" in command]


def test_memory_is_bounded_and_output_is_not_kept():
    assert run_program("x = bytearray(2 ** 30)", "") == "failed"
    assert run_program("x = [0]\nwhile True: x += x", "") == "failed"
    assert run_program("print('x' * 10 ** 8)", "assert True") == "passed"


def test_what_can_be_done_is_the_same_on_both_processors():
    one, other = (filter_program(machine) for machine in ("x86_64", "aarch64"))

    assert one[-1] == other[-1] == (0x06, 0, 0, 0x00050001)
    assert {code for code, *_ in one} == {code for code, *_ in other}


def test_where_nothing_confines_a_program_none_is_run(monkeypatch: pytest.MonkeyPatch):
    class Unconfined:
        pid, returncode = 2**22 + 1, 83

        def __init__(self, *_: object, **__: object) -> None: ...

        def communicate(self, *_: object, **__: object) -> None: ...

        def wait(self) -> None: ...

    monkeypatch.setattr(subprocess, "Popen", Unconfined)
    with pytest.raises(ValueError, match="Linux with seccomp"):
        run_program("unconfined = 1", "")


def test_the_parent_keeps_its_rights():
    run_program("", "")
    with socket.socket() as still_allowed:
        assert still_allowed.fileno() > 0
