"""When SIGINT, SIGTERM and SIGHUP may stop the program, and when they wait.

Code that saves, or changes several things that belong together, runs in `deferred_signals()`: a signal that
comes meanwhile waits until the outermost section has ended. Inside a section, `interruptibly` calls a
function that signals may stop, such as a training. There is no gap on either side: when a signal has stopped
the function, further signals wait again.

    with deferred_signals():
        try:
            interruptibly(agent.learn, steps)
        except KeyboardInterrupt:
            status = "interrupted"
        save(agent, status)  # signals wait here, however many there are

Only the main thread runs Python's signal handlers, so other threads need not defer anything. A signal that
the process ignores, such as SIGHUP under nohup, stays ignored.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")

SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
_AGAIN = 1.0  # seconds until a second signal can stop a function that the first did not stop


@dataclass
class _Section:
    """A section that has begun: signals wait (`held`), or pass one at a time."""

    held: bool
    passed_at: float = float("-inf")

    @property
    def is_closed(self) -> bool:
        return self.held or time.monotonic() - self.passed_at < _AGAIN


_sections: list[_Section] = []  # of the main thread, the innermost last
_noted: list[int] = []
_before: dict[int, Any] = {}  # signal -> the handler that ours stands in for


class Held:
    """The signals that wait, as a section sees them."""

    @property
    def noted(self) -> bool:
        """Whether a signal waits."""
        return bool(_noted)

    def forget(self) -> None:
        """Drops the signals that wait, because the program does what they ask for."""
        _noted.clear()


@contextmanager
def deferred_signals() -> Iterator[Held]:
    """Makes signals wait; the end of the outermost section handles the first that came.

    If an exception leaves the section, it is the context of the KeyboardInterrupt that the signal raises.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Held()
        return
    depth = len(_sections)
    try:
        _sections.append(_Section(held=True))
        _install()
        yield Held()
    finally:
        del _sections[depth:]
        _handle_noted()


def interruptibly(
    function: Callable[_Parameters, _Returned],
    /,
    *arguments: _Parameters.args,
    **options: _Parameters.kwargs,
) -> _Returned:
    """Calls a function that signals may stop, even inside `deferred_signals`.

    After the signal that stops it, others wait for a second: a signal sent twice counts once. Later ones
    pass, because a library may have swallowed the first.

    It is a function and no context manager: Python handles signals when it enters `__exit__`, and a signal
    there would leave the section open.
    """
    if threading.current_thread() is not threading.main_thread() or not _sections:
        return function(*arguments, **options)
    depth = len(_sections)
    try:
        _sections.append(_Section(held=False))
        _handle_noted()
        return function(*arguments, **options)
    finally:
        del _sections[depth:]


def handler_behind(signum: int) -> Any:
    """Returns the handler of a signal; while signals are deferred, the one that will handle it."""
    handler = signal.getsignal(signum)
    return _before.get(signum) if handler is _handle else handler


def leave_lost_terminal() -> None:
    """Sends output nowhere from here on if the terminal is gone, so that printing raises no error."""
    for descriptor in (0, 1, 2):
        if _is_lost_terminal(descriptor):
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _is_lost_terminal(descriptor: int) -> bool:
    try:
        import errno
        import termios
    except ImportError:
        return False
    try:
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            return False
        termios.tcgetattr(descriptor)
    except OSError:
        return False  # it is not open
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def _install() -> None:
    """Installs our handler, and notes the handlers it replaces."""
    for signum in SIGNALS:
        handler = signal.getsignal(signum)
        if handler is not _handle and handler is not None and handler is not signal.SIG_IGN:
            _before[signum] = handler
            signal.signal(signum, _handle)


def _uninstall() -> None:
    """Restores the earlier handlers. A signal in between reaches `_handle`, which calls the earlier one."""
    for signum, handler in _before.items():
        if signal.getsignal(signum) is _handle:
            signal.signal(signum, handler)
    _before.clear()


def _handle(signum: int, frame: FrameType | None) -> None:
    if signum == getattr(signal, "SIGHUP", None):
        leave_lost_terminal()
    if _sections and _sections[-1].is_closed:
        _noted.append(signum)
    else:
        _pass_on(signum, frame, _before.get(signum, signal.SIG_DFL))


def _handle_noted() -> None:
    """Handles the first signal that waits, unless a section still defers it."""
    if _sections and _sections[-1].is_closed:
        return
    signum = _noted[0] if _noted else None
    handler = _before.get(signum, signal.SIG_DFL) if signum is not None else None
    if not _sections:
        _uninstall()
    if signum is not None:
        _pass_on(signum, None, handler)


def _pass_on(signum: int, frame: FrameType | None, handler: Any) -> None:
    """Calls the handler that ours replaced."""
    _noted.clear()
    if _sections:
        _sections[-1].passed_at = time.monotonic()
    if callable(handler):
        handler(signum, frame)
    else:
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)


def _begin_anew() -> None:
    """Drops the sections in a forked child: they belong to its parent, and the child saves nothing."""
    _uninstall()  # while signals still wait, as nothing here could catch an exception
    _sections.clear()
    _noted.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
