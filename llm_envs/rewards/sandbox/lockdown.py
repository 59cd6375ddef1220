"""What a process gives up before it runs foreign code: system calls, files, time and memory. Linux only."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct

_SET_PDEATHSIG, _SET_SECCOMP, _SET_NO_NEW_PRIVS = 1, 22, 38
_FILTER = 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # refused calls fail with EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in the data that a filter sees

# read, write, close, memory, the clock, and the end. There is no way to open, connect, fork, signal or sleep.
_ALLOWED = {
    "x86_64": (
        0xC000003E,
        {
            **{"read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "readv": 19, "writev": 20},
            **{"mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25, "madvise": 28},
            **{"sched_yield": 24, "getpid": 39, "gettid": 186, "futex": 202, "membarrier": 324},
            **{"gettimeofday": 96, "time": 201, "times": 100, "getrusage": 98},
            **{"clock_gettime": 228, "clock_getres": 229, "getrandom": 318},
            **{"getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108},
            **{"rt_sigreturn": 15, "exit": 60, "exit_group": 231},
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            **{"read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "readv": 65, "writev": 66},
            **{"mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214, "mremap": 216, "madvise": 233},
            **{"sched_yield": 124, "getpid": 172, "gettid": 178, "futex": 98, "membarrier": 283},
            **{"gettimeofday": 169, "times": 153, "getrusage": 165},
            **{"clock_gettime": 113, "clock_getres": 114, "getrandom": 278},
            **{"getuid": 174, "getgid": 176, "geteuid": 175, "getegid": 177},
            **{"rt_sigreturn": 139, "exit": 93, "exit_group": 94},
        },
    ),
}


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]


def die_with_parent() -> None:
    """Lets the kernel kill this process when its parent ends."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def keep_only(*pipes: int) -> None:
    """Closes all files but these; the standard three become empty."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    start = 3
    for pipe in sorted(pipes):
        os.closerange(start, pipe)
        start = pipe + 1
    os.closerange(start, 1 << 16)


def limit(*, cpu_seconds: float, memory: int) -> None:
    """Bounds time of computation and memory, and forbids files and core dumps.

    Args:
        cpu_seconds: After these the process is killed with SIGPROF.
        memory: Bytes that may be added to what the process has.
    """
    with open("/proc/self/statm", "rb") as file:
        has = int(file.read().split()[0]) * resource.getpagesize()
    whole = int(cpu_seconds) + 2
    for kind, most in (
        (resource.RLIMIT_AS, has + memory),
        (resource.RLIMIT_CPU, whole),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


def close_system() -> None:
    """Leaves this process only the system calls of `_ALLOWED`, for ever. Other calls fail with EPERM.

    Raises:
        OSError: The kernel has no filters of system calls.
    """
    architecture, calls = _ALLOWED[platform.machine()]
    numbers = sorted(set(calls.values()))
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        *(_step(_EQUAL, number, len(numbers) - i, 0) for i, number in enumerate(numbers)),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]
    code = b"".join(steps)
    program = _Program(len(steps), code)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(program))


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _prctl(option: int, *values: int) -> None:
    if _libc.prctl(option, *(*values, 0, 0, 0, 0)[:4]):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
