"""An engine that runs each cell at once, in the process of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llm_baselines.storage.locks import Lock
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.engines.engine import Death, Event, Events, Request

KILLED = {"type": "ProcessDied", "message": "the process ended by signal SIGKILL", "traceback": ""}


class EngineHere:
    """Runs cells, or lets them die.

    Args:
        ends: Called with a cell and the number of its attempt; the last event, a Death, or None to run it.

    Attributes:
        started: Every attempt, in order.
    """

    slots = 2
    queues = False

    def __init__(self, ends: Callable[[Cell, int], Event | Death | None] = lambda cell, number: None) -> None:
        self.started: list[Cell] = []
        self._ends = ends

    def start(self, request: Request, lock: Lock, events: Events) -> _Ended:
        lock.release()
        cell = Cell.from_dict(request.cell)
        self.started.append(cell)
        end = self._ends(cell, self.started.count(cell))
        running = _Ended(end if isinstance(end, Death) else None)
        if end is None:
            done = run_cell(cell, RecordStore(request.store), threads=request.threads)
            end = {
                "event": done.status,
                "score": done.score,
                "seconds": done.seconds,
                "message": done.message,
            }
        if not isinstance(end, Death):
            events.put((running, end))
        events.put((running, None))
        return running

    def close(self) -> None:
        pass


class _Ended:
    def __init__(self, death: Death | None) -> None:
        self._death = death

    def interrupt(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def death(self) -> Death:
        assert self._death is not None
        return self._death

    def close(self) -> None:
        pass


def completed(store: Any) -> list[str]:
    """The identities of the completed records of a store, sorted; one that is there twice stands twice."""
    return sorted(record.data["identity"] for record in store.records() if record.status == "completed")
