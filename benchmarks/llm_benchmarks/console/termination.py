"""SIGTERM and SIGHUP end a command as Ctrl-C does.

Schedulers and `timeout` send SIGTERM; a terminal that closes sends SIGHUP.
"""

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
    """Makes SIGTERM and SIGHUP raise KeyboardInterrupt in the block, so that the command saves its work.

    If the process ignores SIGHUP, as under nohup, it keeps ignoring it. Only the main thread may set signal
    handlers: in any other thread the block runs unchanged.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _set_handlers()
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _set_handlers() -> dict[signal.Signals, Any]:
    """Sets `interrupt` as the handler of SIGTERM and SIGHUP; returns the handlers it replaced."""
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
    """Calls a program's main function.

    Args:
        main: Called without arguments; returns the exit status.
        interrupted: The status after an interruption. The process then ignores further signals.

    Returns:
        The exit status, to be passed to `sys.exit` at once.
    """
    _set_handlers()
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
