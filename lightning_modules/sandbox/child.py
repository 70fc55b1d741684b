"""The process that runs one program: `python -I -S child.py`, with a JSON request on its standard input.

It takes its own rights away before it runs a line of the program. Limits of the kernel bound time, memory and files;
a filter of system calls (seccomp) then leaves what computing needs: memory, the clock, and the files open already,
which are the null device. No file can be opened, for reading neither, no socket made, no process started or signalled;
such a call fails with "operation not permitted". What programs of this kind import is loaded before; nothing else can
be.

Imports the standard library only, and nothing of ours: it is run as a file.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys

PASSED, FAILED, NO_FILTER = 81, 82, 83
"""Exit statuses; a program that leaves by itself, with whatever status of these but the first, has failed."""

_LOADED = (
    "bisect", "cmath", "collections", "collections.abc", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "itertools", "json", "math", "numbers", "operator", "random", "re",
    "statistics", "string", "textwrap", "time", "typing", "unicodedata",
)  # fmt: skip
_SYSTEMS = {
    # read, write, close, fstat, poll, lseek, munmap, brk, rt_sigaction, rt_sigprocmask, rt_sigreturn, ioctl, select,
    # sched_yield, mremap, madvise, nanosleep, getpid, exit, gettimeofday, times, sigaltstack, gettid, time, futex,
    # restart_syscall, clock_gettime, clock_getres, clock_nanosleep, exit_group, getrandom; then mmap and mprotect
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 28, 35, 39, 60, 96, 100, 131, 186, 201, 202, 219, 228,
         229, 230, 231, 318),
        (9, 10),
    ),
    # the same, with ppoll and pselect6
    "aarch64": (
        0xC00000B7,
        (63, 64, 57, 80, 73, 62, 215, 214, 134, 135, 139, 29, 72, 124, 216, 233, 101, 172, 93, 169, 153, 132, 178, 98,
         128, 113, 114, 115, 94, 278),
        (222, 226),
    ),
}  # fmt: skip
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _NOT_PERMITTED, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT, _EXECUTABLE = 0, 4, 32, 4
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def filter_program(machine: str) -> list[tuple[int, int, int, int]]:
    """Returns the instructions (code, jump if true, jump if false, value) of the filter for this kind of processor.

    Raises:
        KeyError: the numbers of its system calls are not known here.
    """
    architecture, allowed, mapping = _SYSTEMS[machine]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for number in allowed:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in mapping:  # memory may be had, but none that holds code
        program += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_ANY_BIT, 0, 1, _EXECUTABLE)]
        program += [(_RETURN, 0, 0, _NOT_PERMITTED), (_RETURN, 0, 0, _ALLOW)]
    return [*program, (_RETURN, 0, 0, _NOT_PERMITTED)]


def lock_down(cpu_seconds: int, memory_bytes: int) -> None:
    """Takes away all rights but to compute, for good.

    Raises:
        OSError: the kernel has no such filter.
        KeyError: as `filter_program` says.
    """
    if platform.system() != "Linux":
        raise OSError(f"{platform.system()} has no filter of system calls that is used here")
    for limit, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))
    program = filter_program(platform.machine())
    content = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(content)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or prctl(_SECCOMP, _FILTER, ctypes.addressof(header), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel does not take a filter of system calls")


def main() -> None:
    """Runs the request; leaves with PASSED, FAILED or NO_FILTER."""
    request = json.load(sys.stdin)
    for name in _LOADED:
        __import__(name)
    try:
        lock_down(request["cpu_seconds"], request["memory_bytes"])
    except (OSError, KeyError):
        os._exit(NO_FILTER)
    space: dict[str, object] = {"__name__": "__program__"}
    try:
        exec(compile(request["program"], "program", "exec"), space)
        exec(compile(request["tests"], "tests", "exec"), space)
    except BaseException:  # SystemExit too: a program that leaves before its tests has not passed them
        os._exit(FAILED)
    os._exit(PASSED)


if __name__ == "__main__":
    main()
