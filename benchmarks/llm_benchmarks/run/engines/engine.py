"""What an engine is: it starts cells somewhere and puts what they report into a queue.

Every engine runs a cell the same way: `CellProcess` starts worker.py on the machine of the cell. Engines
differ in the machine, and in the way the events come back. An event is a dict with "event":

    progress     phase, done, total
    placed       host: the machine on which the cell has begun; not sent by `process`
    completed, failed, interrupted, unrecorded      the end of the cell, as worker.py reports it
    skipped      another process has recorded the cell in the meantime
    busy         another process runs the cell now
"""

from __future__ import annotations

import os
import queue
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llm_baselines.storage.locks import Lock
from llm_benchmarks.run.limits import Limits
from llm_envs.foreign import allowed_code

if TYPE_CHECKING:  # the machine of a cell needs neither
    from llm_benchmarks.records.store import RecordStore
    from llm_benchmarks.run.planning import PlannedCell
    from llm_benchmarks.run.suite import Run

Event = dict[str, Any]


class EngineError(Exception):
    """An engine cannot be used or refuses work. The message says why, and the way out."""


class Death(NamedTuple):
    """Why a cell ended without a result.

    Attributes:
        error: The error section of its record.
        again: True if the cell may end well when it is run again.
    """

    error: dict[str, str]
    again: bool


@dataclass(frozen=True)
class Request:
    """What a machine must know to run a cell.

    Attributes:
        cell: `Cell.to_dict`.
        identity: Identity of the run, by which the store is asked.
        store: Absolute path of the store.
        folder: Working directory of the suite; "" if it has none.
        device: A torch device, or "auto".
        threads: Threads of the process.
        keep_checkpoints: Whether the trained agent is kept beside the record.
        limits: What the cell may use.
        command: The command line that the record names.
        allow_code: Code that files may name.
    """

    cell: Mapping[str, Any]
    identity: str
    store: str
    folder: str
    device: str
    threads: int
    keep_checkpoints: bool
    limits: Limits
    command: list[str]
    allow_code: list[str]

    @classmethod
    def of(
        cls, planned: PlannedCell, run: Run, store: RecordStore, limits: Limits, command: list[str]
    ) -> Request:
        """Returns the request for a cell of a suite."""
        try:
            folder = os.getcwd()
        except OSError:  # it was removed
            folder = ""
        return cls(
            cell=planned.cell.to_dict(),
            identity=planned.spec.identity(),
            store=str(store.path.absolute()),
            folder=folder,
            device=run.device,
            threads=run.threads,
            keep_checkpoints=run.keep_checkpoints,
            limits=limits,
            command=command,
            allow_code=sorted(allowed_code()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the request as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Request:
        """Returns the request of a dict from `to_dict`."""
        return cls(**{**values, "limits": Limits(**values["limits"])})


class RunningCell(Protocol):
    """One attempt to run a cell."""

    def interrupt(self) -> None:
        """Asks the cell to stop; it records that it was interrupted."""

    def kill(self) -> None:
        """Ends the cell at once. The end of its events follows within a second."""

    def death(self) -> Death:
        """Returns why the cell ended without a result."""

    def close(self) -> None:
        """Frees what the attempt holds. Called after the end of its events."""


Events = queue.Queue[tuple[RunningCell, Event | None]]
"""What the cells report, in the order of arrival; None stands for the end of a cell's events."""


class Engine(Protocol):
    """Starts cells."""

    @property
    def slots(self) -> int:
        """Cells that the engine takes at the same time, unless the user says another number."""

    @property
    def queues(self) -> bool:
        """True if a started cell may have to wait; its event "placed" then tells that it has begun."""

    def start(self, request: Request, lock: Lock, events: Events) -> RunningCell:
        """Starts a cell.

        Args:
            request: The cell.
            lock: The store's lock on the cell; it goes over to the cell, or is released.
            events: Receives what the cell reports.

        Raises:
            EngineError: The engine takes no cell.
        """

    def close(self) -> None:
        """Frees what the engine holds. No cell runs any more."""
