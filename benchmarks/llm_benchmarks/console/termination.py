"""SIGTERM (of schedulers and `timeout`) and SIGHUP (of a closed terminal) end a command as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from llm_baselines.storage.interruption import (
    SIGNALS,
    deferred_signals,
    handler_behind,
    interruptibly,
    leave_lost_terminal,
)


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """While it holds, SIGTERM and SIGHUP raise KeyboardInterrupt: what is under way is saved and recorded.

    A SIGHUP that the process ignores stays ignored: that is what nohup is for. Elsewhere than in the main
    thread, which alone may set handlers, it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _take_over()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _take_over() -> dict[signal.Signals, Any]:
    """Sets `interrupt` where something else stands; what stood there, by signal."""
    before = {}
    for signum in set(SIGNALS) - {signal.SIGINT}:
        handler = handler_behind(signum)
        if handler in (None, interrupt) or (handler is signal.SIG_IGN and signum != signal.SIGTERM):
            continue
        before[signum] = signal.signal(signum, interrupt)
    return before


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Raises KeyboardInterrupt.

    Raises:
        KeyboardInterrupt: Always.
    """
    if signum != signal.SIGINT:
        leave_lost_terminal()
    raise KeyboardInterrupt


def run_to_exit_status(main: Callable[[], int], interrupted: int) -> int:
    """Calls a program's main function; its exit status, for `sys.exit` at once.

    Args:
        main: Called without arguments.
        interrupted: The status if an interruption came. The process ignores further ones: it is ending.
    """
    _take_over()
    with deferred_signals() as held:
        try:
            status = interruptibly(main)
        except KeyboardInterrupt:
            status = interrupted
        for signum in SIGNALS:
            if handler_behind(signum) is not signal.SIG_IGN:
                signal.signal(signum, signal.SIG_IGN if status == interrupted else signal.SIG_DFL)
        if held.noted:
            status = interrupted
            held.forget()
    return status
