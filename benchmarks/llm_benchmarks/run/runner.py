"""Runs the cells of a suite on an engine, a few at a time, and collects their results.

The store decides which cells run: a cell with a completed record is skipped. The process of a cell holds the
store's lock on the cell, so two suites never run the same cell at once: one waits for the other. A cell that
raises an error leaves a failed record, and the other cells go on. It is not run again, because the same seed
would lead to the same error. A cell whose process dies is run again, and leaves a failed record if it dies
too often. If this process is killed, the processes of its cells notice; worker.py says what they do.
"""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Sequence

from llm_baselines.storage.interruption import Held, deferred_signals, interruptibly
from llm_baselines.storage.locks import Lock
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.records.provenance import collect_provenance
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.attempt import Attempt, result_event
from llm_benchmarks.run.devices import gpus_here
from llm_benchmarks.run.engines.engine import Death, Engine, Event, Events, Request, RunningCell
from llm_benchmarks.run.engines.process import ProcessEngine
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.outcome import SuiteOutcome
from llm_benchmarks.run.planning import WHOLE, PlannedCell, Shard, plan
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.suite import Run, Suite

_GRACE = 20.0  # seconds in which an interrupted cell can write its record
_SAME = 1.0  # seconds within which two signals count as one
_AGAIN = 2.0  # seconds until a cell that another process runs is offered to an engine again


def run_suite(
    suite: Suite,
    store: RecordStore,
    *,
    progress: SuiteProgress | None = None,
    processes: int | None = None,
    command: Sequence[str] | None = None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    retries: int | None = None,
    shard: Shard = WHOLE,
) -> SuiteOutcome:
    """Runs the cells that have no completed record in the store.

    Args:
        suite: From `load_suite`.
        store: Records are looked up and written here.
        progress: Shows the progress; None shows nothing.
        processes: Number of cells that run at once; None for the engine's number.
        command: The command line that records name; by default that of this process.
        engine: Where the cells run; by default in processes of this machine. The caller closes it.
        limits: What one cell may use; by default the suite's.
        retries: How often a cell whose process dies runs again; by default the suite's number.
        shard: The part of the suite that runs.

    Returns:
        The result of each cell. Ctrl-C, SIGTERM or SIGHUP stop the running cells, which are then recorded as
        interrupted, and the outcome has `interrupted` set.

    Raises:
        ValueError: processes is below 1.
        EngineError: The engine takes no cell.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes={processes} must be at least 1")
    runner = _Runner(
        suite.run,
        store,
        list(sys.argv if command is None else command),
        engine or ProcessEngine(suite.run.processes, gpus_here(suite.run.device)),
        suite.run.limits if limits is None else limits,
        suite.run.retries if retries is None else retries,
    )
    progress = progress if progress is not None else SuiteProgress(None)
    outcome, started = SuiteOutcome(), time.monotonic()
    # Signals are checked between the events of cells, so that no event is lost.
    with progress, termination_interrupts(), deferred_signals() as held:
        try:
            store.tidy()
            waiting = interruptibly(plan, suite.cells, store, outcome, progress, shard)
            runner.run(waiting, processes, outcome, progress, held)
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
    """Runs cells on an engine.

    Args:
        run: How the suite's cells are run.
        store: Records are looked up and written here.
        command: The command line that records name.
        engine: Starts the cells.
        limits: What one cell may use.
        retries: How often a cell whose process dies runs again.
    """

    def __init__(
        self, run: Run, store: RecordStore, command: list[str], engine: Engine, limits: Limits, retries: int
    ) -> None:
        self._run = run
        self._store = store
        self._command = command
        self._engine = engine
        self._limits = limits
        self._retries = retries
        self._todo: list[Attempt] = []
        self._running: dict[RunningCell, Attempt] = {}
        self._stopping = False
        self._deadline = float("inf")  # of the grace period, by the monotonic clock
        self._records_before = set(store.ids())
        self._reported_waiting: set[str] = set()  # identities of the cells that the display showed as waiting
        self._events: Events = queue.Queue()

    def run(
        self,
        waiting: Sequence[PlannedCell],
        processes: int | None,
        outcome: SuiteOutcome,
        progress: SuiteProgress,
        held: Held,
    ) -> None:
        """Runs the cells until none is left.

        Raises:
            KeyboardInterrupt: A signal came.
        """
        self._todo = [Attempt(planned) for planned in waiting]
        slots = processes or self._engine.slots
        while self._todo or self._running:
            if held.noted:
                held.forget()
                raise KeyboardInterrupt
            for attempt in list(self._todo):
                if len(self._running) >= slots:
                    break
                if time.monotonic() >= attempt.not_before and self._begin(attempt, outcome, progress):
                    self._todo.remove(attempt)
            self._handle_event(outcome, progress)

    def _begin(self, attempt: Attempt, outcome: SuiteOutcome, progress: SuiteProgress) -> bool:
        """Starts a cell, or takes the result that another process recorded.

        Returns:
            False while another process runs the cell.
        """
        cell, key = attempt.cell, attempt.key
        lock = self._store.claim(key)
        if lock is None:
            if key not in self._reported_waiting:
                progress.waiting(cell)
            self._reported_waiting.add(key)
            return False
        records = self._store.find(key, status=None)
        failed = [r for r in records if r.status == "failed" and r.id not in self._records_before]
        if any(record.status == "completed" for record in records):
            self._skip(attempt, outcome, progress)
            lock.release()
        elif failed:
            error = failed[-1].error or {"type": "Error", "message": "its record has no message"}
            message = f"{error['type']}: {error['message']} (run by another process)"
            outcome.failed.append((cell, message))
            progress.ended(cell, "failed", None, 0.0, message)
            lock.release()
        else:
            if attempt.records_before is None:
                attempt.records_before = {record.id for record in records}
            self._start(attempt, lock, progress)
        return True

    def _start(self, attempt: Attempt, lock: Lock, progress: SuiteProgress) -> None:
        """Gives a cell to the engine."""
        request = Request.of(attempt.planned, self._run, self._store, self._limits, self._command)
        self._running[self._engine.start(request, lock, self._events)] = attempt
        attempt.number += 1
        if attempt.number == 1:
            progress.planned(attempt.cell, attempt.planned.spec)
        if self._engine.queues:
            progress.queued(attempt.cell)
        else:
            attempt.begin()
            progress.started(attempt.cell)

    def _skip(self, attempt: Attempt, outcome: SuiteOutcome, progress: SuiteProgress) -> None:
        """Takes the completed record of a cell that is not running.

        The cell may have run here before: a process whose parent died can finish its evaluation.
        """
        record = attempt.new_record(self._store) if attempt.number else None
        if record is None:
            outcome.skipped.append(attempt.cell)
            progress.skipped(attempt.cell)
        else:
            outcome.completed.append(attempt.cell)
            end = result_event(record, attempt.seconds())
            progress.ended(attempt.cell, end["event"], end["score"], end["seconds"], end["message"])

    def _handle_event(self, outcome: SuiteOutcome, progress: SuiteProgress) -> None:
        """Handles the next event of a cell, if one comes within half a second."""
        try:
            running, event = self._events.get(timeout=0.5)
        except queue.Empty:
            return
        attempt = self._running.get(running)
        if attempt is None:  # it was killed, and no longer awaited
            return
        if event is None:
            self._end(running, outcome, progress)
        elif event["event"] == "progress":
            progress.advanced(attempt.cell, event["phase"], event["done"], event["total"])
        elif event["event"] == "placed":
            attempt.begin()
            progress.placed(attempt.cell, event["host"])
        else:
            attempt.last_event = event

    def _end(self, running: RunningCell, outcome: SuiteOutcome, progress: SuiteProgress) -> None:
        """Adds the result of a cell to the outcome, or lets the cell wait for another attempt."""
        attempt = self._running.pop(running)
        end = attempt.last_event or self._unreported(attempt, running)
        running.close()
        if self._stopping and not attempt.has_begun:
            progress.withdrawn(attempt.cell)
        elif end["event"] == "skipped":
            self._skip(attempt, outcome, progress)
        elif end["event"] == "busy":
            attempt.number -= 1
            self._again(attempt, _AGAIN)
            progress.withdrawn(attempt.cell)
        elif end["event"] == "died":
            self._again(attempt)
            progress.retrying(attempt.cell, end["message"])
        else:
            if end["event"] == "completed":
                outcome.completed.append(attempt.cell)
            elif not self._stopping or end["event"] != "interrupted":
                outcome.failed.append((attempt.cell, end["message"]))
            progress.ended(attempt.cell, end["event"], end["score"], end["seconds"], end["message"])

    def _again(self, attempt: Attempt, seconds: float = 0.0) -> None:
        """Lets a cell wait for another attempt."""
        attempt.await_next(seconds)
        self._todo.append(attempt)

    def _unreported(self, attempt: Attempt, running: RunningCell) -> Event:
        """Returns the last event of a cell that reported none, and writes its record if it wrote none."""
        if self._stopping and not attempt.has_begun:
            return {"event": "interrupted"}
        if self._stopping:
            self._await_record(attempt)
        record, seconds = attempt.new_record(self._store), attempt.seconds()
        died = running.death()
        may_repeat = died.again and not self._stopping and attempt.number <= self._retries
        if record is not None and not (record.status == "interrupted" and may_repeat):
            return result_event(record, seconds)
        if may_repeat:
            return {"event": "died", "message": died.error["message"]}
        message = self._record(attempt, died)
        event = "interrupted" if self._stopping else "failed"
        return {"event": event, "score": None, "seconds": seconds, "message": message}

    def _await_record(self, attempt: Attempt) -> None:
        """Waits while a process of the cell lives, because it may write its record. Its lock tells."""
        while time.monotonic() < self._deadline:
            if (lock := self._store.claim(attempt.key)) is not None:
                lock.release()
                return
            time.sleep(0.1)

    def _record(self, attempt: Attempt, died: Death) -> str:
        """Writes the record of a cell that left none. Returns the message of the cell's end."""
        provenance = collect_provenance(
            started_at=attempt.started_at, threads=self._run.threads, command=self._command
        )
        if self._stopping:
            return attempt.write_record(self._store, "interrupted", None, provenance)
        error = dict(died.error)
        if attempt.number > 1:
            error["message"] += f"; it was the last of {attempt.number} attempts"
        unwritten = attempt.write_record(self._store, "failed", error, provenance)
        return f"{error['message']}; {unwritten}" if unwritten else error["message"]

    def stop(self, outcome: SuiteOutcome, progress: SuiteProgress, held: Held) -> None:
        """Stops the running cells. Each records that it was interrupted; if it cannot, this process does.

        A cell that had finished before the signal reached it counts as completed.
        """
        self._stopping = True
        for running in list(self._running):
            running.interrupt()
        begun = time.monotonic()
        self._deadline = begun + _GRACE
        while self._running:
            if held.noted:
                if time.monotonic() - begun > _SAME:  # a second signal ends the grace period
                    self._deadline = 0.0
                held.forget()
            if time.monotonic() > self._deadline:
                for running in list(self._running):
                    running.kill()
            self._handle_event(outcome, progress)
