"""When SIGINT, SIGTERM and SIGHUP may stop what is under way, and when they wait until it is whole.

Whoever saves, or changes several things that belong together, does so in `deferred_signals()`: a signal that
comes meanwhile is noted, and handled when the outermost section has ended. Inside a section, `interruptibly`
calls a function that signals may stop, such as a training, and leaves no gap on either side: the signal that
stops the function finds the section around it closed again.

    with deferred_signals():
        try:
            interruptibly(agent.learn, steps)
        except KeyboardInterrupt:
            status = "interrupted"
        save(agent, status)  # no signal gets in here, however many there are

Only the main thread runs Python's signal handlers; in any other thread nothing is deferred and nothing needs
to be. A signal that the process ignores, such as SIGHUP under nohup, stays ignored.
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
_AGAIN = 1.0  # seconds after which a function that a signal did not stop can be told again


@dataclass
class _Section:
    """A section that is under way: signals wait (`held`), or pass one at a time."""

    held: bool
    passed_at: float = float("-inf")

    @property
    def is_closed(self) -> bool:
        return self.held or time.monotonic() - self.passed_at < _AGAIN


_sections: list[_Section] = []  # of the main thread, the innermost last
_noted: list[int] = []
_before: dict[int, Any] = {}  # signal -> the handler that ours stands in for


class Held:
    """What is known, inside a section, of the signals that wait."""

    @property
    def noted(self) -> bool:
        """Whether one waits."""
        return bool(_noted)

    def forget(self) -> None:
        """Drops those that wait: what they ask for is being done."""
        _noted.clear()


@contextmanager
def deferred_signals() -> Iterator[Held]:
    """While it lasts, signals wait; the first that came is handled at the end of the outermost section.

    An exception that leaves the section is then the context of the KeyboardInterrupt that the signal raises.
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
    """Calls a function that signals may stop, inside `deferred_signals` too.

    The signal that stops it closes the way for the next: one said twice within a second counts once. Later
    ones get through, as a library may have swallowed the first.

    It is a function and no context manager: Python looks for signals where `__exit__` is entered, and one
    that came there would leave the way open.
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
    """The handler of a signal; while signals are deferred, the one that is called afterwards."""
    there = signal.getsignal(signum)
    return _before.get(signum) if there is _handle else there


def leave_lost_terminal() -> None:
    """Where the terminal is gone, what is printed from here on goes nowhere, instead of raising an error."""
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
        return False  # it is not open at all
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def _install() -> None:
    """Puts our handler in the place of those that are there."""
    for signum in SIGNALS:
        there = signal.getsignal(signum)
        if there is not _handle and there is not None and there is not signal.SIG_IGN:
            _before[signum] = there
            signal.signal(signum, _handle)


def _uninstall() -> None:
    """Puts back what was there. A signal that breaks this off finds ours, which does as that one would."""
    for signum, there in _before.items():
        if signal.getsignal(signum) is _handle:
            signal.signal(signum, there)
    _before.clear()


def _handle(signum: int, frame: FrameType | None) -> None:
    if signum == getattr(signal, "SIGHUP", None):
        leave_lost_terminal()
    if _sections and _sections[-1].is_closed:
        _noted.append(signum)
    else:
        _pass_on(signum, frame, _before.get(signum, signal.SIG_DFL))


def _handle_noted() -> None:
    """Handles the first signal that waits, if it need not wait any longer."""
    if _sections and _sections[-1].is_closed:
        return
    signum = _noted[0] if _noted else None
    handler = _before.get(signum, signal.SIG_DFL) if signum is not None else None
    if not _sections:
        _uninstall()
    if signum is not None:
        _pass_on(signum, None, handler)


def _pass_on(signum: int, frame: FrameType | None, handler: Any) -> None:
    """Does what was done about a signal before ours stood there."""
    _noted.clear()
    if _sections:
        _sections[-1].passed_at = time.monotonic()
    if callable(handler):
        handler(signum, frame)
    else:
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)


def _begin_anew() -> None:
    """In a forked child: the sections are its parent's, which will end; it itself saves nothing."""
    _uninstall()  # while signals still wait: an exception could go nowhere from here
    _sections.clear()
    _noted.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
