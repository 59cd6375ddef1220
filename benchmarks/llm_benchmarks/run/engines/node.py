"""One cell on the machine where it runs: what a Ray task or a SLURM job does."""

from __future__ import annotations

import functools
import queue
import socket
import time
from collections.abc import Iterator

from llm_benchmarks.records.record import error_section
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell_process import CellProcess
from llm_benchmarks.run.engines.engine import Event, Events, Request

_GRACE = 15.0  # seconds in which an interrupted cell can write its record; the suite waits a little longer


def run_here(request: Request) -> Iterator[Event]:
    """Runs a cell in a process of this machine, and yields its events.

    The process holds the store's lock on the cell. A caller that stops early (KeyboardInterrupt, SystemExit
    or the generator's `close`) stops the cell, which then records that it was interrupted. If this process is
    killed, the process of the cell notices, as worker.py says.

    Args:
        request: The cell.

    Yields:
        See engine.py. A cell that ends without a result yields "died", with the fields of `Death`.
    """
    try:
        yield from _run(request)
    except Exception as error:  # such as a store that this machine cannot reach
        yield {"event": "died", "error": error_section(error), "again": False}


def _run(request: Request) -> Iterator[Event]:
    store = _store(request.store)
    lock = store.claim(request.identity)
    if lock is None:
        yield {"event": "busy"}
        return
    if store.find(request.identity):
        lock.release()
        yield {"event": "skipped"}
        return
    events: Events = queue.Queue()
    process = CellProcess(request, lock, events)
    reported = False
    try:
        yield {"event": "placed", "host": socket.gethostname()}
        for event in _events(events):
            reported = reported or event["event"] != "progress"
            yield event
        if not reported:
            death = process.death()
            yield {"event": "died", "error": death.error, "again": death.again}
    except (KeyboardInterrupt, SystemExit):
        yield from _stopped(process, events)
        raise
    finally:
        for _ in _stopped(process, events):
            pass
        process.close()


@functools.lru_cache(maxsize=4)
def _store(path: str) -> RecordStore:
    """Returns the store; a process that runs several cells reads old records once."""
    return RecordStore(path)


def _events(events: Events, until: float = float("inf")) -> Iterator[Event]:
    """Yields events until they end, or until a time of the monotonic clock."""
    while time.monotonic() < until:
        try:
            _, event = events.get(timeout=0.25)  # a blocked wait would not notice an interruption
        except queue.Empty:
            continue
        if event is None:
            return
        yield event


def _stopped(process: CellProcess, events: Events) -> Iterator[Event]:
    """Stops a cell that still runs, and yields its last events."""
    if process.has_ended:
        return
    process.interrupt()
    yield from _events(events, time.monotonic() + _GRACE)
    if not process.has_ended:
        process.kill()
        yield from _events(events)
