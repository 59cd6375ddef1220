"""Processes that are killed, or told that the disk refuses, at the n-th of their changes to a folder."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
_UNDISTURBED = 3
_WRITES = {"os.mkdir", "os.rename", "os.link"}  # what a disk may refuse


def at_each_change(folder: Path, change: Callable[[], object], error: int | None = None) -> Iterator[str]:
    """Makes a change again and again, each time in a process of its own, until nothing is in its way.

    Args:
        folder: Where it makes it, or below.
        change: Called in the process.
        error: The error that the first, second, ... thing it does there fails with; None: it is killed there.

    Yields:
        After each process in whose way it was, the error that came out of it, if one did.
    """
    for n in range(1, 1000):
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            _run(folder, change, n, error, write)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == _UNDISTURBED:
            assert n > 2, "nothing of what it does was in its way"
            return
        assert status in (-signal.SIGKILL, 0, 1), said
        yield said
    raise AssertionError("it came to no end")


def _run(folder: Path, change: Callable[[], object], n: int, error: int | None, write: int) -> None:
    status, left = 2, n

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if not (opens or event in (_CHANGES if error is None else _WRITES)):
            return
        if not any(str(folder) in str(argument) for argument in arguments):
            return
        left -= 1
        if left == 0:
            if error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                raise OSError(error, os.strerror(error), str(arguments[0]))

    try:
        sys.addaudithook(watch)
        change()
        status = _UNDISTURBED if left > 0 else 0
    except OSError as refused:
        os.write(write, str(refused).encode())
        status = 1
    except BaseException:
        os.write(write, traceback.format_exc().encode())
    finally:
        os._exit(status)


def in_a_process(function: Callable[[], str]) -> str:
    """What a function returns in a process of its own."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write, function().encode())
        except BaseException:
            os.write(write, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said
