"""Runs the cells of a suite, each in its own process and a few at a time, and collects their results.

The store decides which cells run: a cell with a completed record is skipped. The process of a cell holds the
store's lock on the cell, so two suites never run the same cell at once: one waits for the other. A cell that
fails, or whose process dies, leaves a failed record, and the other cells go on. If this process is killed,
the processes of its cells notice; worker.py says what they do.
"""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_baselines.storage.interruption import Held, deferred_signals, interruptibly
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.records.provenance import collect_provenance
from llm_benchmarks.records.record import NO_COST, NO_FACTS, new_record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell_process import CellProcess, Events, PlannedCell
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import draft, resolve
from llm_benchmarks.run.suite import Run, Suite
from llm_envs.foreign import allowing_code

_GRACE = 20.0  # seconds in which an interrupted cell can write its record
_SAME = 1.0  # seconds within which two signals count as one


@dataclass
class SuiteOutcome:
    """The results of a suite's cells.

    Attributes:
        completed: Cells that ran to their end.
        skipped: Cells with a completed record, from before or from another process in the meantime.
        failed: Cells that failed, here or in another process in the meantime, with the error in one line.
        unreadable: Records that could not be read, with the reason.
        interrupted: True if the suite was interrupted.
        seconds: Wall-clock time.
    """

    completed: list[Cell] = field(default_factory=list)
    skipped: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0


def run_suite(
    suite: Suite,
    store: RecordStore,
    *,
    progress: SuiteProgress | None = None,
    processes: int | None = None,
    command: Sequence[str] | None = None,
) -> SuiteOutcome:
    """Runs the cells that have no completed record in the store.

    Args:
        suite: From `load_suite`.
        store: Records are looked up and written here.
        progress: Shows the progress; None shows nothing.
        processes: Number of cells that run at once; None for the suite's number.
        command: The command line that records name; by default that of this process.

    Returns:
        The result of each cell. Ctrl-C, SIGTERM or SIGHUP stop the running cells, which are then recorded as
        interrupted, and the outcome has `interrupted` set.

    Raises:
        ValueError: processes is below 1.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes={processes} must be at least 1")
    runner = _Runner(suite.run, store, list(sys.argv if command is None else command))
    progress = progress if progress is not None else SuiteProgress(None)
    outcome, started = SuiteOutcome(), time.monotonic()
    # Signals are checked between the events of cells, so that no event is lost.
    with progress, termination_interrupts(), deferred_signals() as held:
        try:
            store.tidy()
            waiting = interruptibly(runner.plan, suite.cells, outcome, progress)
            runner.run(waiting, processes or suite.run.processes, outcome, progress, held)
        except KeyboardInterrupt:
            outcome.interrupted = True
            try:
                runner.stop(outcome, progress, held)
            except BaseException:
                runner.stop(outcome, SuiteProgress(None), held)
                raise
        except BaseException:
            runner.stop(outcome, SuiteProgress(None), held)  # the progress display itself may have failed
            raise
        finally:
            store.tidy()
            held.forget()  # the outcome reports them
    outcome.seconds = time.monotonic() - started
    return outcome


class _Runner:
    """Runs cells in processes.

    Args:
        run: How the suite's cells are run.
        store: Records are looked up and written here.
        command: The command line that records name.
    """

    def __init__(self, run: Run, store: RecordStore, command: list[str]) -> None:
        self._run = run
        self._store = store
        self._command = command
        self._processes: list[CellProcess] = []
        self._stopping = False
        self._records_before: set[str] = set()  # the records in the store when the cells were planned
        self._reported_waiting: set[str] = set()  # identities of the cells that the display showed as waiting
        self._events: Events = queue.Queue()

    def plan(
        self, cells: Sequence[Cell], outcome: SuiteOutcome, progress: SuiteProgress
    ) -> list[PlannedCell]:
        """Returns the cells that have no completed record in the store; a repeated cell runs once."""
        progress.begin(len(cells))
        self._records_before = set(self._store.ids())
        waiting: list[PlannedCell] = []
        planned: set[str] = set()  # identities
        for cell in cells:
            progress.planning(cell)
            try:
                with allowing_code(cell.own_code()):
                    resolved = resolve(cell)
                spec, facts = resolved.spec, resolved.facts
            except Exception:  # the process of the cell will report the error
                spec, facts = draft(cell), NO_FACTS
            key = spec.identity()
            if key in planned or self._store.find(key, problems=outcome.unreadable):
                outcome.skipped.append(cell)
                progress.skipped(cell)
            else:
                waiting.append(PlannedCell(cell, spec, facts))
            planned.add(key)
        return waiting

    def run(
        self,
        waiting: list[PlannedCell],
        processes: int,
        outcome: SuiteOutcome,
        progress: SuiteProgress,
        held: Held,
    ) -> None:
        """Runs the cells until none is left.

        Raises:
            KeyboardInterrupt: A signal came.
        """
        todo = list(waiting)
        while todo or self._processes:
            if held.noted:
                held.forget()
                raise KeyboardInterrupt
            for planned in list(todo):
                if len(self._processes) >= processes:
                    break
                if self._begin(planned, outcome, progress):
                    todo.remove(planned)
            self._handle_event(outcome, progress)

    def _begin(self, planned: PlannedCell, outcome: SuiteOutcome, progress: SuiteProgress) -> bool:
        """Starts a cell, or takes the result that another process recorded.

        Returns:
            False while another process runs the cell.
        """
        cell, key = planned.cell, planned.spec.identity()
        lock = self._store.claim(key)
        if lock is None:
            if key not in self._reported_waiting:
                progress.waiting(cell)
            self._reported_waiting.add(key)
            return False
        records = self._store.find(key, status=None)
        failed = [r for r in records if r.status == "failed" and r.id not in self._records_before]
        if any(record.status == "completed" for record in records):
            outcome.skipped.append(cell)
            progress.skipped(cell)
            lock.release()
        elif failed:
            error = failed[-1].error or {"type": "Error", "message": "its record has no message"}
            message = f"{error['type']}: {error['message']} (run by another process)"
            outcome.failed.append((cell, message))
            progress.ended(cell, "failed", None, 0.0, message)
            lock.release()
        else:
            process = CellProcess(
                planned,
                run=self._run,
                store=self._store,
                lock=lock,
                records_before={record.id for record in records},
                command=self._command,
                events=self._events,
            )
            self._processes.append(process)
            progress.planned(cell, planned.spec)
            progress.started(cell)
        return True

    def _handle_event(self, outcome: SuiteOutcome, progress: SuiteProgress) -> None:
        """Handles the next event of a process, if one comes within half a second."""
        try:
            process, event = self._events.get(timeout=0.5)
        except queue.Empty:
            return
        if event is None:
            self._end(process, outcome, progress)
        elif event["event"] == "progress":
            progress.advanced(process.cell, event["phase"], event["done"], event["total"])
        else:
            process.last_event = event

    def _end(self, process: CellProcess, outcome: SuiteOutcome, progress: SuiteProgress) -> None:
        """Adds the result of a process that has ended to the outcome."""
        self._processes.remove(process)
        end = process.last_event or self._died(process)
        process.close()
        if end["event"] == "completed":
            outcome.completed.append(process.cell)
        elif not self._stopping or end["event"] != "interrupted":
            outcome.failed.append((process.cell, end["message"]))
        progress.ended(process.cell, end["event"], end["score"], end["seconds"], end["message"])

    def _died(self, process: CellProcess) -> dict[str, Any]:
        """Returns the last event for a process that sent none, and writes its record if it wrote none."""
        seconds = process.seconds()
        for record in self._store.find(process.spec.identity(), status=None):
            if record.id not in process.records_before:
                score = (record.results or {}).get("mean_reward")
                message = (record.error or {}).get("message", "")
                return {"event": record.status, "score": score, "seconds": seconds, "message": message}
        if self._stopping:
            message = self._write(process, "interrupted", None)
            return {"event": "interrupted", "score": None, "seconds": seconds, "message": message}
        error = process.death()
        unwritten = self._write(process, "failed", error)
        message = f"{error['message']}; {unwritten}" if unwritten else error["message"]
        return {"event": "failed", "score": None, "seconds": seconds, "message": message}

    def _write(self, process: CellProcess, status: str, error: dict[str, str] | None) -> str:
        """Writes a record for a process that wrote none. Returns why that failed, or an empty text."""
        record = new_record(
            process.spec,
            process.facts,
            status=status,
            error=error,
            provenance=collect_provenance(
                started_at=process.started_at, threads=self._run.threads, command=self._command
            ),
            cost=NO_COST,
        )
        try:
            self._store.write(record)
        except OSError as os_error:
            return f"no record of it: {os_error}"
        return ""

    def stop(self, outcome: SuiteOutcome, progress: SuiteProgress, held: Held) -> None:
        """Stops the running cells. Each records that it was interrupted; if it cannot, this process does.

        A cell that had finished before the signal reached it counts as completed.
        """
        self._stopping = True
        for process in self._processes:
            process.interrupt()
        begun = time.monotonic()
        deadline = begun + _GRACE
        while self._processes:
            if held.noted:
                if time.monotonic() - begun > _SAME:  # a second signal ends the grace period
                    deadline = 0.0
                held.forget()
            if time.monotonic() > deadline:
                for process in self._processes:
                    process.kill()
            self._handle_event(outcome, progress)
