"""Runs the cells of a suite in processes of their own, a few at a time, and keeps the result of each.

A cell is not run again if the store has a completed record of it. A cell's process holds the store's lock on
it, so this process waits for cells that another one runs. A cell that fails, or whose process dies, leaves a
failed record, and the others go on. If this process is killed, the cells' processes notice; worker.py says
what they do.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from llm_baselines.spec import RunSpec
from llm_baselines.storage.interruption import Held, deferred_signals, interruptibly
from llm_baselines.storage.locks import Lock
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.records.provenance import collect_provenance, utc_now
from llm_benchmarks.records.record import NO_COST, NO_FACTS, new_record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import THREAD_VARIABLES
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import draft, resolve
from llm_benchmarks.run.suite import Run, Suite
from llm_envs.foreign import allowed_code, allowing_code

_GRACE = 20.0  # seconds an interrupted cell has to write its record
_SAME = 1.0  # seconds within which an interruption that is said twice is one
_TAIL = 4000  # characters of a dead process's last words that are kept


@dataclass
class SuiteOutcome:
    """The results of a suite's cells.

    Attributes:
        completed: Cells run to the end.
        skipped: Cells the store had, or got from another process meanwhile.
        failed: Cells that failed, here or in another process meanwhile, with the error in a line.
        unreadable: Records of the store that could not be read, and why.
        interrupted: Whether the suite was interrupted.
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
        processes: Cells at a time; None for the suite's own number.
        command: The command line that records name; by default that of this process.

    Returns:
        The result of each cell. After Ctrl-C, SIGTERM or SIGHUP the running cells are ended and recorded,
        and the outcome says that the suite was interrupted.

    Raises:
        ValueError: processes is below 1.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes={processes} must be at least 1")
    runner = _Runner(suite.run, store, list(sys.argv if command is None else command))
    shown = progress if progress is not None else SuiteProgress(None)
    outcome, started = SuiteOutcome(), time.monotonic()
    # Signals are looked for between the events of cells, so that no event is lost.
    with shown, termination_interrupts(), deferred_signals() as held:
        try:
            store.tidy()
            waiting = interruptibly(runner.plan, suite.cells, outcome, shown)
            runner.run(waiting, processes or suite.run.processes, outcome, shown, held)
        except KeyboardInterrupt:
            outcome.interrupted = True
            try:
                runner.stop(outcome, shown, held)
            except BaseException:
                runner.stop(outcome, SuiteProgress(None), held)
                raise
        except BaseException:
            runner.stop(outcome, SuiteProgress(None), held)  # it may be what is shown that failed
            raise
        finally:
            store.tidy()
            held.forget()  # it is told in the outcome
    outcome.seconds = time.monotonic() - started
    return outcome


class _Waiting(NamedTuple):
    """A cell that is to be run."""

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any]


@dataclass
class _Job:
    """A cell whose process runs."""

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any]
    process: subprocess.Popen[str]
    errors: IO[str]
    records_before: set[str]
    started_at: str
    clock: float
    end: dict[str, Any] | None = None


class _Runner:
    def __init__(self, run: Run, store: RecordStore, command: list[str]) -> None:
        self._run = run
        self._store = store
        self._command = command
        self._jobs: list[_Job] = []
        self._stopping = False
        self._records_before: set[str] = set()  # those there were when this process looked for what to do
        self._told: set[str] = set()
        self._events: queue.Queue[tuple[_Job, dict[str, Any] | None]] = queue.Queue()

    def plan(self, cells: Sequence[Cell], outcome: SuiteOutcome, shown: SuiteProgress) -> list[_Waiting]:
        """The cells to run: those the store lacks; a repeated cell runs once."""
        shown.begin(len(cells))
        self._records_before = set(self._store.ids())
        waiting: list[_Waiting] = []
        planned: set[str] = set()
        for cell in cells:
            shown.planning(cell)
            try:
                with allowing_code(cell.own_code()):
                    resolved = resolve(cell)
                spec, facts = resolved.spec, resolved.facts
            except Exception:  # the cell's own process will say what is wrong
                spec, facts = draft(cell), NO_FACTS
            key = spec.identity()
            if key in planned or self._store.find(key, problems=outcome.unreadable):
                outcome.skipped.append(cell)
                shown.skipped(cell)
            else:
                waiting.append(_Waiting(cell, spec, facts))
            planned.add(key)
        return waiting

    def run(
        self,
        waiting: list[_Waiting],
        processes: int,
        outcome: SuiteOutcome,
        shown: SuiteProgress,
        held: Held,
    ) -> None:
        """Runs cells until none is left.

        Raises:
            KeyboardInterrupt: A signal has come.
        """
        todo = list(waiting)
        while todo or self._jobs:
            if held.noted:
                held.forget()
                raise KeyboardInterrupt
            for one in list(todo):
                if len(self._jobs) >= processes:
                    break
                if self._begin(one, outcome, shown):
                    todo.remove(one)
            self._hear(outcome, shown)

    def _begin(self, one: _Waiting, outcome: SuiteOutcome, shown: SuiteProgress) -> bool:
        """Starts a cell, or takes over what another process made of it; False while another runs it."""
        cell, key = one.cell, one.spec.identity()
        lock = self._store.claim(key)
        if lock is None:
            if key not in self._told:
                shown.waiting(cell)
            self._told.add(key)
            return False
        found = self._store.find(key, status=None)
        failed = [r for r in found if r.status == "failed" and r.id not in self._records_before]
        if any(record.status == "completed" for record in found):
            outcome.skipped.append(cell)
            shown.skipped(cell)
            lock.release()
        elif failed:
            error = failed[-1].error or {"type": "Error", "message": "it says no more"}
            message = f"{error['type']}: {error['message']} (run by another process)"
            outcome.failed.append((cell, message))
            shown.ended(cell, "failed", None, 0.0, message)
            lock.release()
        else:
            job = self._start(one, lock, {record.id for record in found})
            self._jobs.append(job)
            shown.planned(cell, one.spec)
            shown.started(job.cell)
        return True

    def _hear(self, outcome: SuiteOutcome, shown: SuiteProgress) -> None:
        """Waits a moment for what a process says."""
        try:
            job, event = self._events.get(timeout=0.5)
        except queue.Empty:
            return
        if event is None:
            self._end(job, outcome, shown)
        elif event["event"] == "progress":
            shown.advanced(job.cell, event["phase"], event["done"], event["total"])
        else:
            job.end = event

    def _start(self, one: _Waiting, lock: Lock, records_before: set[str]) -> _Job:
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self._run.threads)))
        environment["TOKENIZERS_PARALLELISM"] = "false"
        environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"  # what is read of a dead process's words
        errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llm_benchmarks.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # a Ctrl-C reaches this process alone, which passes it on
            pass_fds=(lock.descriptor,) if os.name == "posix" else (),
        )
        lock.hand_on()
        job = _Job(*one, process, errors, records_before, utc_now(), time.monotonic())
        request = {
            "cell": one.cell.to_dict(),
            "store": str(self._store.path.absolute()),
            "device": self._run.device,
            "threads": self._run.threads,
            "keep_checkpoints": self._run.keep_checkpoints,
            "command": self._command,
            "allow_code": sorted(allowed_code()),
        }
        threading.Thread(target=self._listen, args=(job, json.dumps(request)), daemon=True).start()
        return job

    def _listen(self, job: _Job, request: str) -> None:
        """Hands a process its request, and its events to the queue; None when it has ended.

        Its standard input stays open: when it ends, the process knows that this one is gone.
        """
        process = job.process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # it may have died already
            process.stdin.write(request + "\n")
            process.stdin.flush()
        with process.stdout:
            for line in process.stdout:
                try:
                    self._events.put((job, json.loads(line)))
                except ValueError:
                    continue
        process.wait()
        with suppress(OSError):
            process.stdin.close()
        self._events.put((job, None))

    def _end(self, job: _Job, outcome: SuiteOutcome, shown: SuiteProgress) -> None:
        self._jobs.remove(job)
        end = job.end or self._died(job)
        job.errors.close()
        if end["event"] == "completed":
            outcome.completed.append(job.cell)
        elif not self._stopping or end["event"] != "interrupted":
            outcome.failed.append((job.cell, end["message"]))
        shown.ended(job.cell, end["event"], end["score"], end["seconds"], end["message"])

    def _died(self, job: _Job) -> dict[str, Any]:
        """Records a process that ended without a word, unless it has recorded itself before."""
        seconds = time.monotonic() - job.clock
        for record in self._store.find(job.spec.identity(), status=None):
            if record.id not in job.records_before:
                score = (record.results or {}).get("mean_reward")
                message = (record.error or {}).get("message", "")
                return {"event": record.status, "score": score, "seconds": seconds, "message": message}
        if self._stopping:
            told = self._write(job, "interrupted", None)
            return {"event": "interrupted", "score": None, "seconds": seconds, "message": told}
        code = job.process.returncode
        try:
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        except ValueError:
            how = f"by signal {-code}"
        job.errors.seek(0)
        said = job.errors.read()[-_TAIL:]
        error = {"type": "ProcessDied", "message": f"the process ended {how}", "traceback": said}
        told = self._write(job, "failed", error)
        message = f"{error['message']}; {told}" if told else error["message"]
        return {"event": "failed", "score": None, "seconds": seconds, "message": message}

    def _write(self, job: _Job, status: str, error: dict[str, str] | None) -> str:
        """Writes a record for a process that did not; what went wrong with that, if anything."""
        record = new_record(
            job.spec,
            job.facts,
            status=status,
            error=error,
            provenance=collect_provenance(
                started_at=job.started_at, threads=self._run.threads, command=self._command
            ),
            cost=NO_COST,
        )
        try:
            self._store.write(record)
        except OSError as unwritten:
            return f"no record of it: {unwritten}"
        return ""

    def stop(self, outcome: SuiteOutcome, shown: SuiteProgress, held: Held) -> None:
        """Ends the running cells; each records that it was interrupted, or it is recorded here.

        What a process had said before it heard of it holds: a cell that was done is done.
        """
        self._stopping = True
        for job in self._jobs:
            job.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        deadline = begun + _GRACE
        while self._jobs:
            if held.noted:
                if time.monotonic() - begun > _SAME:  # once more: there is no grace any longer
                    deadline = 0.0
                held.forget()
            if time.monotonic() > deadline:
                for job in self._jobs:
                    job.process.kill()
            self._hear(outcome, shown)
