"""An attempt to run a cell, and the record of one that wrote none itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.records.record import NO_COST, Record, new_record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.engines.engine import Event
from llm_benchmarks.run.planning import PlannedCell


@dataclass
class Attempt:
    """A planned cell, and its attempt that runs now or comes next.

    Attributes:
        planned: The cell.
        records_before: Ids of the cell's records before its first attempt; None before that.
        number: Attempts that were given to the engine, this one included.
        not_before: When an engine may be asked, by the monotonic clock.
        has_begun: Whether the attempt has left the engine's queue.
        started_at: When it began, as records write it.
        clock: The same, by the monotonic clock.
        last_event: How it ended, as the cell reported it; None before.
    """

    planned: PlannedCell
    records_before: set[str] | None = None
    number: int = 0
    not_before: float = 0.0
    has_begun: bool = False
    started_at: str = field(default_factory=utc_now)
    clock: float = field(default_factory=time.monotonic)
    last_event: Event | None = None

    @property
    def cell(self) -> Cell:
        """The cell."""
        return self.planned.cell

    @property
    def key(self) -> str:
        """Identity of the run."""
        return self.planned.spec.identity()

    def begin(self) -> None:
        """Notes that the attempt has begun."""
        self.has_begun, self.started_at, self.clock = True, utc_now(), time.monotonic()

    def await_next(self, seconds: float = 0.0) -> None:
        """Forgets the attempt, so that another can follow.

        Args:
            seconds: How long to wait before.
        """
        self.has_begun, self.last_event, self.not_before = False, None, time.monotonic() + seconds

    def seconds(self) -> float:
        """Returns the seconds since the attempt began."""
        return time.monotonic() - self.clock

    def new_record(self, store: RecordStore) -> Record | None:
        """Returns a record that an attempt wrote: a completed one if there is one, or else any; or None."""
        records = store.find(self.key, status=None)
        new = [record for record in records if record.id not in (self.records_before or ())]
        return min(new, key=lambda record: record.status != "completed", default=None)

    def write_record(
        self,
        store: RecordStore,
        status: str,
        error: Mapping[str, str] | None,
        provenance: Mapping[str, Any],
    ) -> str:
        """Writes a record for an attempt that wrote none.

        Args:
            store: The record is written here.
            status: "failed" or "interrupted".
            error: The error section of a failed one.
            provenance: From `collect_provenance`.

        Returns:
            Why the record could not be written, or an empty text.
        """
        spec, facts = self.planned.spec, self.planned.facts
        record = new_record(spec, facts, status=status, error=error, provenance=provenance, cost=NO_COST)
        try:
            store.write(record)
        except OSError as os_error:
            return f"no record of it: {os_error}"
        return ""


def result_event(record: Record, seconds: float) -> Event:
    """Returns the last event that a cell with this record would have reported."""
    return {
        "event": record.status,
        "score": (record.results or {}).get("mean_reward"),
        "seconds": seconds,
        "message": (record.error or {}).get("message", ""),
    }
