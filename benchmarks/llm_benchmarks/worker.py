"""The process of one cell: reads a request from standard input, tells its progress on standard output.

Started by runner.py as `python -m llm_benchmarks.worker` with the thread variables set, so that they hold
before any library is imported. Every line it writes is a JSON object with "event".
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import IO, Any

_EVERY = 0.5  # seconds between two progress events


def main() -> int:
    """Runs the cell of the request; 0 done, 1 failed (and recorded), 130 interrupted (and recorded)."""
    request = json.load(sys.stdin)
    # What the agent prints must not mix with the events.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.append(os.getcwd())  # where a user's module:factory is found

    from llm_benchmarks.cell import run_cell
    from llm_benchmarks.store import RecordStore
    from llm_benchmarks.suite import Cell
    from llm_envs.foreign import allowing_code

    started, last = time.monotonic(), 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            _tell(events, event="progress", phase=phase, done=done, total=total)

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
        _tell(events, event="interrupted", score=None, seconds=seconds, message=message)
        return 130
    _tell(
        events,
        event=result.status,
        record=result.record,
        score=result.score,
        seconds=result.seconds,
        message=result.message,
    )
    return 0 if result.status == "completed" else 1


def _tell(events: IO[str], **event: Any) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    sys.exit(main())
