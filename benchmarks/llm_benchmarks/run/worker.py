"""The process of one cell: reads a request from standard input, reports its progress on standard output.

runner.py starts it as `python -m llm_benchmarks.run.worker`. It sets the thread variables first, so that they
hold before any library is imported. Every line that this process writes is a JSON object with "event".

The process can finish without its parent. If nobody reads its events, they are dropped, and the record holds
the result of the cell. Its standard input stays open while the parent lives; when it ends, the parent was
killed. A training then stops as after Ctrl-C and is recorded as interrupted: no process trains for hours
unseen, and the same command begins the cell again. An evaluation is finished and recorded.
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

_EVERY = 0.5  # seconds between two progress events
_AGAIN = 2.0  # seconds until a process without a parent tells itself again to stop: libraries swallow some


def main() -> int:
    """Runs the cell of the request; 0 done, 1 failed (and recorded), 130 interrupted (and recorded)."""
    parent = os.fdopen(os.dup(0), encoding="utf-8")
    line = parent.readline()
    if not line.endswith("\n"):  # it was killed before it had said what to do
        return 130
    request = json.loads(line)
    events = _Events(os.dup(1))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # an agent that asks for input finds none
    os.dup2(2, 1)  # what an agent prints must not mix with the events
    from llm_benchmarks.console.input import add_working_directory

    add_working_directory([line])
    orphan = _Orphan(parent)
    signal.signal(signal.SIGINT, orphan.interrupt)

    from llm_baselines.storage.interruption import deferred_signals
    from llm_benchmarks.console.termination import termination_interrupts

    with termination_interrupts(), deferred_signals() as held:
        orphan.watch()
        status = _run(request, events, orphan)
        orphan.finishes = True
        held.forget()  # what became of the cell is recorded
    return status


def _run(request: dict[str, Any], events: _Events, orphan: _Orphan) -> int:
    from llm_benchmarks.records.store import RecordStore
    from llm_benchmarks.run.cell import run_cell
    from llm_benchmarks.run.cells import Cell
    from llm_benchmarks.run.phases import EVALUATING
    from llm_envs.foreign import allowing_code

    started, last = time.monotonic(), 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        orphan.finishes = phase == EVALUATING
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            events.tell(event="progress", phase=phase, done=done, total=total)

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
        # Heard where someone else stopped this process: the suite then goes on with its other cells.
        seconds = time.monotonic() - started
        message = "its process was told to stop"
        events.tell(event="interrupted", score=None, seconds=seconds, message=message)
        return 130
    except OSError as error:  # of the disk: nothing that failed can be written down as failed
        seconds = time.monotonic() - started
        message = f"there is no record of it: {error}"
        events.tell(event="unrecorded", score=None, seconds=seconds, message=message)
        return 1
    events.tell(
        event=result.status,
        record=result.record,
        score=result.score,
        seconds=result.seconds,
        message=result.message,
    )
    return 0 if result.status == "completed" else 1


class _Events:
    """Events for the parent, one line each. They are dropped once nobody reads them.

    Args:
        descriptor: Written to without a buffer, which at the end could not be emptied into a closed pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, **event: Any) -> None:
        """Writes an event."""
        left = (json.dumps(event) + "\n").encode()
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            pass


class _Orphan:
    """Watches for the end of the parent, and decides what this process does then.

    Args:
        parent: Ends when the parent does.

    Attributes:
        finishes: Whether this process finishes the cell without its parent.
    """

    def __init__(self, parent: IO[str]) -> None:
        self._parent = parent
        self._is_alone = False
        self.finishes = False

    def watch(self) -> None:
        """Begins to wait for the parent's end."""
        threading.Thread(target=self._wait, daemon=True).start()

    def interrupt(self, signum: int, frame: FrameType | None) -> None:
        """Handles SIGINT: from a person, from the parent, or from this object."""
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
