"""The process of one cell: it reads a request from standard input and writes events to standard output.

cell_process.py starts it as `python -m llm_benchmarks.run.worker`, with the thread variables set, so that
they hold before any library is imported. Every line that this process writes is a JSON object with "event".

The process can finish without its parent: events that nobody reads are dropped, and the record holds the
result of the cell. Standard input stays open while the parent lives; its end means that the parent was
killed. A training then stops as after Ctrl-C and is recorded as interrupted, so that no process trains for
hours unseen. The same command runs the cell again. An evaluation is finished and recorded.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import IO, Any

_EVERY = 0.5  # seconds between two progress events of one phase
_AGAIN = 2.0  # seconds between two SIGINTs that an orphan sends itself: a library may swallow one


def main() -> int:
    """Runs the cell of the request and records the result.

    Returns:
        0 if the cell completed, 1 if it failed, 130 if it was interrupted.
    """
    parent = os.fdopen(os.dup(0), encoding="utf-8")
    line = parent.readline()
    if not line.endswith("\n"):  # the parent died before it had written the request
        return 130
    request = json.loads(line)
    events = _Events(os.dup(1))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # an agent that reads standard input finds it empty
    os.dup2(2, 1)  # the agent's output must not mix with the events
    from llm_benchmarks.console.input import add_working_directory

    add_working_directory([line])
    orphan = _Orphan(parent)
    signal.signal(signal.SIGINT, orphan.interrupt)
    if os.name == "posix":  # Ray blocks SIGINT in its workers, and children inherit that
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    from llm_baselines.storage.interruption import deferred_signals
    from llm_benchmarks.console.termination import termination_interrupts

    with termination_interrupts(), deferred_signals() as held:
        orphan.watch()
        status = _run(request, events, orphan)
        orphan.finishes = True
        held.forget()  # the result is already recorded
    return status


def _run(request: dict[str, Any], events: _Events, orphan: _Orphan) -> int:
    from llm_benchmarks.records.store import RecordStore
    from llm_benchmarks.run.cell import run_cell
    from llm_benchmarks.run.cells import Cell
    from llm_benchmarks.run.phases import EVALUATING
    from llm_envs.foreign import allowing_code

    started, last, last_phase = time.monotonic(), 0.0, ""

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal last, last_phase
        orphan.finishes = phase == EVALUATING
        if phase != last_phase or time.monotonic() - last >= _EVERY:
            last, last_phase = time.monotonic(), phase
            events.send(event="progress", phase=phase, done=done, total=total)

    try:
        cell = Cell.from_dict(request["cell"])
        with allowing_code([*cell.own_code(), *request["allow_code"]]):
            result = run_cell(
                cell,
                RecordStore(request["store"]),
                device=request["device"],
                threads=request["threads"],
                keep_checkpoint=request["keep_checkpoints"],
                progress=progress,
                command=request["command"],
            )
    except KeyboardInterrupt:
        # If someone else stopped this process, the suite reads this event and goes on with its other cells.
        seconds = time.monotonic() - started
        message = "its process was told to stop"
        events.send(event="interrupted", score=None, seconds=seconds, message=message)
        return 130
    except OSError as error:  # the disk fails, so not even a failed record can be written
        seconds = time.monotonic() - started
        message = f"there is no record of it: {error}"
        events.send(event="unrecorded", score=None, seconds=seconds, message=message)
        return 1
    events.send(
        event=result.status,
        record=result.record,
        score=result.score,
        seconds=result.seconds,
        message=result.message,
    )
    return 0 if result.status == "completed" else 1


class _Events:
    """Events for the parent, one line each. They are dropped when nobody reads them.

    Args:
        descriptor: A file descriptor. It has no buffer, because flushing one into a closed pipe would fail.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, **event: Any) -> None:
        """Writes an event."""
        unwritten = (json.dumps(event) + "\n").encode()
        try:
            while unwritten:
                unwritten = unwritten[os.write(self._descriptor, unwritten) :]
        except OSError:
            pass


class _Orphan:
    """Notices the death of the parent, and then stops this process or lets it finish.

    Args:
        parent: A stream that ends when the parent dies.

    Attributes:
        finishes: True while this process would finish the cell without its parent.
    """

    def __init__(self, parent: IO[str]) -> None:
        self._parent = parent
        self._is_alone = False
        self.finishes = False

    def watch(self) -> None:
        """Starts a thread that waits for the death of the parent."""
        threading.Thread(target=self._wait, daemon=True).start()

    def interrupt(self, signum: int, frame: FrameType | None) -> None:
        """Handles SIGINT from a user, from the parent or from this object."""
        if not (self._is_alone and self.finishes):
            raise KeyboardInterrupt

    def _wait(self) -> None:
        self._parent.read()
        self._is_alone = True
        while True:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(_AGAIN)


if __name__ == "__main__":
    sys.exit(main())
