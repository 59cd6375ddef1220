"""The environment's side of the sandbox: starts the forker, gives it jobs, reads reports."""

from __future__ import annotations

import atexit
import json
import os
import platform
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from llm_envs.rewards.sandbox import frames
from llm_envs.rewards.sandbox.test_process import Outcome

_AT_ONCE = 200
MACHINES = ("x86_64", "aarch64")
_SIGNALS = {9: "killed", 11: "crashed (signal 11)", 24: "ran out of time", 27: "ran out of time"}

# The packages exist without their own code: the forker imports the standard library and the sandbox alone.
_START = """
import sys, types
for name, folder in {packages!r}:
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = [folder]
from llm_envs.rewards.sandbox.forker import main
main()
"""


class SandboxError(RuntimeError):
    """The sandbox cannot be used, or the tests themselves are at fault."""


class Limits(NamedTuple):
    """What a text may use.

    Attributes:
        cpu_seconds: Time of computation, for the text and again for its tests.
        memory: Bytes, beyond the interpreter's own.
        longest: Bytes of one returned value.
    """

    cpu_seconds: float = 2.0
    memory: int = 256 << 20
    longest: int = 1 << 20

    @property
    def wall_seconds(self) -> float:
        """When a job is ended that computes nothing. Long, so that a busy machine changes no score."""
        return 10.0 + 10.0 * self.cpu_seconds


class Forker:
    """One forker. Use it from one thread at a time."""

    def __init__(self) -> None:
        package = Path(__file__).resolve().parent
        folders = (package.parent.parent, package.parent, package)
        names = ("llm_envs", "llm_envs.rewards", "llm_envs.rewards.sandbox")
        start = _START.format(packages=list(zip(names, map(str, folders), strict=True)))
        self._process = subprocess.Popen(
            # No site packages, no user's files on the path, nothing of the user's environment.
            [sys.executable, "-s", "-P", "-S", "-B", "-X", "utf8", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self._reports = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._owner = os.getpid()
        atexit.register(self.close)

    def run(self, program: str, tests: Sequence[str], names: Sequence[str], limits: Limits) -> dict[str, Any]:
        """Runs one job.

        Raises:
            SandboxError: The forker has ended.
        """
        job = {"names": list(names), "tests": list(tests)}
        with self._closed_on_failure():
            self._send(_header(limits, syntax_only=False))
            self._send(program)
            report: dict[str, Any] = self._report(limits)
            if not report:  # the program defines its functions
                self._send(json.dumps(job))
                report = self._report(limits)
        return report

    def check(self, programs: Sequence[str], limits: Limits) -> list[str] | None:
        """Returns the fault of syntax of each program; None if that could not be found.

        Raises:
            SandboxError: The forker has ended.
        """
        with self._closed_on_failure():
            self._send(_header(limits, syntax_only=True))
            self._send(json.dumps(list(programs)))
            faults: list[str] | None = self._report(limits)
        return faults

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        """Ends the forker if a job is broken off, also by Ctrl-C: the next job must not read its report."""
        try:
            yield
        except (frames.Closed, OSError, ValueError) as error:
            self.close()
            raise SandboxError(f"the sandbox has ended ({type(error).__name__})") from error
        except BaseException:
            self.close()
            raise

    def _send(self, part: str) -> None:
        frames.send(self._jobs, part.encode("utf-8", "surrogatepass"))

    def _report(self, limits: Limits) -> Any:
        if not select.select([self._reports], [], [], limits.wall_seconds + 60)[0]:
            raise frames.Closed
        return json.loads(frames.receive(self._reports))

    def close(self) -> None:
        """Ends the forker and all its processes."""
        atexit.unregister(self.close)
        if self._owner == os.getpid():  # a forked copy of this object ends nothing
            self._process.kill()
            self._process.communicate()


def _header(limits: Limits, *, syntax_only: bool) -> str:
    wall_seconds = limits.wall_seconds
    return json.dumps({**limits._asdict(), "wall_seconds": wall_seconds, "syntax_only": syntax_only})


_T = TypeVar("_T")
_lock = threading.Lock()
_forkers: dict[int, Forker] = {}


def run_tests(
    program: str, tests: Sequence[str], names: Sequence[str], limits: Limits | None = None
) -> list[Outcome]:
    """Runs a program against its tests, in two processes that can reach nothing.

    Args:
        program: Python source.
        tests: Python statements, run in order in one namespace.
        names: The functions of the program that tests may call.
        limits: What the program may use.

    Returns:
        One outcome for each test.

    Raises:
        SandboxError: This machine has no sandbox, or the tests themselves are at fault.
    """
    check_sandbox()
    return _run(program, tests, names, limits or Limits())


def syntax_faults(programs: Sequence[str], limits: Limits | None = None) -> list[str]:
    """Returns the fault of syntax of each program, "" if there is none or it could not be found.

    One process reads them all and runs none, which is much faster than `run_tests` on each.

    Raises:
        SandboxError: This machine has no sandbox.
    """
    check_sandbox()
    found: list[str] = []
    for start in range(0, len(programs), _AT_ONCE):
        part = programs[start : start + _AT_ONCE]
        faults = _asked(partial(_check, part, limits or Limits()))
        found += [""] * len(part) if faults is None else faults
    return found


def _check(programs: Sequence[str], limits: Limits, forker: Forker) -> list[str] | None:
    return forker.check(programs, limits)


def _asked(ask: Callable[[Forker], _T]) -> _T:
    """Asks this process's forker. One that somebody has killed is started again, once."""
    with _lock:
        for _ in range(2):
            forker = _forkers.get(os.getpid())
            if forker is None:
                forker = _forkers[os.getpid()] = Forker()
            try:
                return ask(forker)
            except SandboxError as error:
                del _forkers[os.getpid()]
                failed = error
        raise failed


def _run(program: str, tests: Sequence[str], names: Sequence[str], limits: Limits) -> list[Outcome]:
    answer = _asked(lambda forker: forker.run(program, tests, names, limits))
    if answer.get("report") is None:
        number = next((number for number in answer["signals"] if number not in (0, 9)), 9)
        reason = f"TextEnded: {_SIGNALS.get(number, f'ended by signal {number}')}"
        return [Outcome(False, 1, answer.get("broken", reason)) for _ in tests]
    report = json.loads(answer["report"])
    if "fault" in report:
        raise SandboxError(report["fault"])
    return [Outcome(bool(passed), int(calls), str(reason)) for passed, calls, reason in report["outcomes"]]


# What must not work. Each gives the name of the error, or "" if it works.
_PROBE = """
import ctypes, io, os

def socket():
    if ctypes.CDLL(None, use_errno=True).socket(2, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "socket")

def tried(action):
    actions = {
        "open": lambda: io.open("/etc/hostname"),
        "write": lambda: os.open("/tmp/escaped", os.O_CREAT | os.O_WRONLY),
        "list": lambda: os.listdir("/"),
        "socket": socket,
        "fork": lambda: os.fork(),
        "execute": lambda: os.execv("/bin/sh", ["sh"]),
        "kill": lambda: os.kill(1, 0),
    }
    try:
        actions[action]()
    except OSError as error:
        return type(error).__name__
    return ""
"""
_ACTIONS = ("open", "write", "list", "socket", "fork", "execute", "kill")


@cache
def _why_not() -> str:
    if not sys.platform.startswith("linux"):
        return f"it needs Linux, and this is {sys.platform}"
    if platform.machine() not in MACHINES:
        return f"its filter knows {' and '.join(MACHINES)}, and this machine is {platform.machine()!r}"
    tests = [f"assert tried({action!r}) == 'PermissionError'" for action in _ACTIONS]
    try:
        outcomes = _run(_PROBE, tests, ["tried"], Limits())
    except (SandboxError, OSError) as error:
        return f"its processes do not start ({error})"
    for action, outcome in zip(_ACTIONS, outcomes, strict=True):
        if not outcome.passed:
            return f"this machine does not keep a text from {action!r} ({outcome.reason})"
    return ""


def check_sandbox() -> None:
    """Checks that a text cannot get out. The first call in a process tries it.

    Raises:
        SandboxError: This machine has no sandbox. The message says why.
    """
    if reason := _why_not():
        raise SandboxError(f"programs cannot be run safely here: {reason}")
